//! Reading a request's body within its bounds, piece by piece.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use tokio::time::timeout;

use super::server::Bounds;

/// Hands every piece of `body` to `take`. The status to refuse with when it is larger or slower than may be, or breaks off.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    bounds: Bounds,
    mut take: impl FnMut(&[u8]),
) -> Result<(), StatusCode> {
    let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if said.is_some_and(|length: usize| length > bounds.most) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let reading = async {
        let mut length = 0_usize;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|_broken| StatusCode::BAD_REQUEST)?;
            let Some(data) = frame.data_ref() else { continue };
            length = length.saturating_add(data.len());
            if length > bounds.most {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            take(data);
        }
        Ok(())
    };
    timeout(bounds.body, reading).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}
