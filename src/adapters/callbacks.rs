//! The desk at which far ends leave their answers: one-time addresses, kept in memory. After a crash the
//! attempt that waited is made again, with a new address.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::call::{Callback, Callbacks};
use crate::base::{Env, Error, Json};

type Waiting = Mutex<HashMap<[u8; 32], oneshot::Sender<Json>>>;

pub struct CallbackDesk {
    env: Env,
    /// The appliance's public address, without a trailing slash.
    base_url: String,
    waiting: Arc<Waiting>,
}

impl CallbackDesk {
    pub fn new(env: Env, base_url: String) -> Self {
        Self { env, base_url, waiting: Arc::default() }
    }

    /// Hands an answer to whoever waits for it; `false` where nobody does, or the address was used before.
    pub fn deliver(&self, token: &str, answer: Json) -> bool {
        let waiting = self.waiting.lock().remove(&hash_of(token));
        waiting.is_some_and(|it| it.send(answer).is_ok())
    }
}

impl Callbacks for CallbackDesk {
    fn open(&self) -> Result<Callback, Error> {
        let token = URL_SAFE_NO_PAD.encode(self.env.bytes::<32>());
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        // Those who stopped waiting have closed their end.
        waiting.retain(|_, it| !it.is_closed());
        waiting.insert(hash_of(&token), sender);
        Ok(Callback { url: format!("{}/hooks/callbacks/{token}", self.base_url), answer })
    }
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
