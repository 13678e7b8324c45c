//! API keys.

use actix_web::HttpRequest;

use super::PageQuery;
use crate::access::{self, Action, ApiKey, Cx, NewKey, NewKeyRequest};
use crate::base::{Code, KeyId, Page};
use crate::web::{Body, Created, Found, NoContent, Query, Reply, Route, part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/api-keys", list)
            .needs(Action::KeysRead)
            .says("The caller's keys; for administrators everyone's.")
            .query::<PageQuery>()
            .answers::<Page<ApiKey>>(200, "Keys, newest first, without their secrets."),
        Route::post("/api/api-keys", create)
            .needs(Action::KeysWrite)
            .says("Makes a key. Its secret is shown in this answer and never again.")
            .takes::<NewKeyRequest>()
            .shows_secret_once()
            .answers::<NewKey>(201, "The key with its secret."),
        Route::delete("/api/api-keys/{key}", revoke)
            .needs(Action::KeysWrite)
            .of("key")
            .says("Ends a key at once.")
            .answers_plain(204, "Ended.", "")
            .errs(&[Code::NotFound]),
    ]
}

/// `GET /api/api-keys`
async fn list(cx: Cx, query: Query<PageQuery>) -> Reply<Found<Page<ApiKey>>> {
    Ok(Found(access::keys(&cx, &query.0.page()?)?))
}

/// `POST /api/api-keys`
async fn create(cx: Cx, body: Body<NewKeyRequest>) -> Reply<Created<NewKey>> {
    let key = access::create_key(&cx, body.0).await?;
    Ok(Created { location: format!("/api/api-keys/{}", key.key.id), body: key })
}

/// `DELETE /api/api-keys/{key}`
async fn revoke(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    access::revoke_key(&cx, part::<KeyId>(&request, "key")?).await?;
    Ok(NoContent)
}
