//! The network, as the peers that want one see it: one answer, and no socket.

use bytes::Bytes;
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService},
};

/// Answers everything with this body.
#[derive(Clone, Debug)]
pub struct Answer(pub String);

impl HttpConnector for Answer {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Answer {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        Ok(HttpResponse::new(HttpResponseBody::from(self.0.clone())))
    }
}

impl reqsign_core::HttpSend for Answer {
    async fn http_send(&self, _: http::Request<Bytes>) -> reqsign_core::Result<http::Response<Bytes>> {
        Ok(http::Response::new(Bytes::from(self.0.clone())))
    }
}
