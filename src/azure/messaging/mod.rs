//! Shared access signatures of Service Bus, Event Hubs, Relay, IoT Hub and Event Grid.
