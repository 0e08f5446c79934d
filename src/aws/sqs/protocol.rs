//! A request in the words of the two protocols.

use super::message::{MessageRequest, What};
use crate::{aws::query, error::IssueError, json};
use alloc::{
    format,
    string::{String, ToString},
};

const VERSION: &str = "2012-11-05";

impl MessageRequest {
    /// The optional numbers and texts, by the name that both protocols give them.
    fn fields(&self) -> [(&'static str, Option<Field<'_>>); 5] {
        let none = ("", None);
        match &self.what {
            What::Send { body, delay, group, deduplication, .. } => [
                ("MessageBody", Some(Field::Text(body))),
                ("DelaySeconds", delay.map(Field::Number)),
                ("MessageGroupId", group.as_deref().map(Field::Text)),
                ("MessageDeduplicationId", deduplication.as_deref().map(Field::Text)),
                none,
            ],
            What::Receive { max, wait, visibility, .. } => [
                ("MaxNumberOfMessages", max.map(Field::Number)),
                ("WaitTimeSeconds", wait.map(Field::Number)),
                ("VisibilityTimeout", visibility.map(Field::Number)),
                none,
                none,
            ],
            What::Delete { receipt_handle } => {
                [("ReceiptHandle", Some(Field::Text(receipt_handle))), none, none, none, none]
            }
        }
    }

    pub(super) fn params(&self) -> Result<query::Params, IssueError> {
        self.check()?;
        let mut params = query::Params::new(self.action(), VERSION);
        for (name, field) in self.fields() {
            match field {
                Some(Field::Text(text)) => params.push(name, text),
                Some(Field::Number(number)) => params.push(name, number.to_string()),
                None => {}
            }
        }
        match &self.what {
            What::Send { attributes, .. } => {
                for (at, (name, value)) in (1..).zip(attributes) {
                    params.push(format!("MessageAttribute.{at}.Name"), name.as_str());
                    params.push(format!("MessageAttribute.{at}.Value.DataType"), "String");
                    params.push(format!("MessageAttribute.{at}.Value.StringValue"), value.as_str());
                }
            }
            What::Receive { all_attributes: true, .. } => params.push("AttributeName.1", "All"),
            _ => {}
        }
        Ok(params)
    }

    pub(super) fn json(&self) -> String {
        let mut text = String::from("{\"QueueUrl\":");
        json::push_text(&mut text, &self.queue.url());
        for (name, field) in self.fields() {
            let Some(field) = field else { continue };
            text.extend([",\"", name, "\":"]);
            match field {
                Field::Text(value) => json::push_text(&mut text, value),
                Field::Number(number) => text.push_str(&number.to_string()),
            }
        }
        match &self.what {
            What::Send { attributes, .. } if !attributes.is_empty() => {
                text.push_str(",\"MessageAttributes\":{");
                for (at, (name, value)) in attributes.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    json::push_text(&mut text, name);
                    text.push_str(":{\"DataType\":\"String\",\"StringValue\":");
                    json::push_text(&mut text, value);
                    text.push('}');
                }
                text.push('}');
            }
            What::Receive { all_attributes: true, .. } => text.push_str(",\"AttributeNames\":[\"All\"]"),
            _ => {}
        }
        text.push('}');
        text
    }
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Text(&'a str),
    Number(u32),
}
