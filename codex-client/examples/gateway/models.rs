//! `GET /v1/models` and `GET /v1/models/{id}`, in the form of the platform API, whatever form the
//! backend uses.

use codex_client::{Client, ModelListing};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::payload::{self, Payload};

pub(crate) async fn list(client: &Client) -> Result<Response<Payload>, Failure> {
    let listing = listing(client).await?;
    Ok(payload::json(HeaderMap::new(), listing.to_string()))
}

pub(crate) async fn one(client: &Client, id: &str) -> Result<Response<Payload>, Failure> {
    let listing = listing(client).await?;
    let models = listing["data"].as_array().into_iter().flatten();
    let model = models.into_iter().find(|model| model["id"] == id);
    let model = model.ok_or_else(|| {
        Failure::refusal(
            StatusCode::NOT_FOUND,
            "model_not_found",
            "the model does not exist",
        )
    })?;
    Ok(payload::json(HeaderMap::new(), model.to_string()))
}

async fn listing(client: &Client) -> Result<Value, Failure> {
    let models = client.models().await.map_err(|error| Failure::of(&error))?;
    let data = || {
        let names = models.names();
        names
            .map(|name| json!({"id": name, "object": "model", "created": 0, "owned_by": "openai"}))
            .collect::<Vec<_>>()
    };
    Ok(match &*models {
        ModelListing::List(list) => serde_json::to_value(list).unwrap_or_default(),
        // The other fields of the catalog are useful to clients that know them.
        ModelListing::Catalog(catalog) => {
            let mut listing = serde_json::to_value(catalog).unwrap_or_default();
            listing["object"] = json!("list");
            listing["data"] = json!(data());
            listing
        }
        _ => json!({"object": "list", "data": data()}),
    })
}
