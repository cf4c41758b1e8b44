//! `GET /v1/models` and `GET /v1/models/{id}`, in the form of the platform API, whatever form the
//! backend uses.

use codex_client::{Client, ModelListing};
use codex_types::ApiError;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::payload::{self, Payload};
use crate::services::Services;
use crate::upstream::Upstream;

pub(crate) async fn list(services: &Services) -> Result<Response<Payload>, Failure> {
    let listing = all(services).await?;
    Ok(payload::json(HeaderMap::new(), listing.to_string()))
}

pub(crate) async fn one(services: &Services, id: &str) -> Result<Response<Payload>, Failure> {
    let listing = all(services).await?;
    let models = listing["data"].as_array().into_iter().flatten();
    let model = models.into_iter().find(|model| model["id"] == id);
    let model = model.ok_or_else(|| {
        let message = format!("the model `{id}` does not exist");
        let mut error = ApiError::new("model_not_found", message);
        error.param = Some("model".to_owned());
        Failure::with_error(StatusCode::NOT_FOUND, error)
    })?;
    Ok(payload::json(HeaderMap::new(), model.to_string()))
}

/// Returns the listing of the first service, with the models of the others, under the names that
/// clients use. A further service that does not list its models does not hide those of the others.
async fn all(services: &Services) -> Result<Value, Failure> {
    let first = services.first();
    let mut all = listing(&first.client).await?;
    let mut models = renamed(services, first, &all);
    for service in services.all().iter().skip(1) {
        let listed = listing(&service.client).await.unwrap_or_default();
        models.extend(renamed(services, service, &listed));
    }
    all["data"] = models.into();
    Ok(all)
}

/// Returns the models of a listing that clients reach, once under each of their names.
fn renamed(services: &Services, service: &Upstream, listing: &Value) -> Vec<Value> {
    let models = listing["data"].as_array().into_iter().flatten();
    let named = models.flat_map(|model| {
        let names = services.names_of(service, model["id"].as_str().unwrap_or_default());
        names.into_iter().map(|name| {
            let mut model = model.clone();
            model["id"] = name.into();
            model
        })
    });
    named.collect()
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
