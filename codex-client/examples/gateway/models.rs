//! `GET /v1/models` and `GET /v1/models/{id}`, in the form of the platform API, whatever form the
//! backend uses.

use codex_client::{Client, ModelListing};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::payload::{self, Payload};
use crate::services::Services;

pub(crate) async fn list(services: &Services) -> Result<Response<Payload>, Failure> {
    let listing = all(services).await?;
    Ok(payload::json(HeaderMap::new(), listing.to_string()))
}

pub(crate) async fn one(services: &Services, id: &str) -> Result<Response<Payload>, Failure> {
    let listing = all(services).await?;
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

/// Returns the listing of the first service, with the models of the others. A further service that
/// does not list its models does not hide those of the others.
async fn all(services: &Services) -> Result<Value, Failure> {
    let mut all = listing(&services.first().client).await?;
    let mut more: Vec<Value> = services.names().map(model).collect();
    for service in services.all().iter().skip(1) {
        let listed = listing(&service.client).await.unwrap_or_default();
        let models = listed["data"].as_array().into_iter().flatten();
        let is_served = |model: &&Value| {
            let name = model["id"].as_str().unwrap_or_default();
            services.of(name).number == service.number
        };
        more.extend(models.filter(is_served).cloned());
    }
    if let Some(data) = all["data"].as_array_mut() {
        data.extend(more);
    }
    Ok(all)
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "openai"})
}

async fn listing(client: &Client) -> Result<Value, Failure> {
    let models = client.models().await.map_err(|error| Failure::of(&error))?;
    let data = || {
        let names = models.names();
        names.map(model).collect::<Vec<_>>()
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
