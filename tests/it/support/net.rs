//! A way out for tests: scripted names, a ledger that remembers, rules that open what a test started.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use reeve::base::{Env, Id as _, OrgId};
use reeve::infra::egress::{Caller, Contact, Egress, EgressConfig, Ledger, Resolver};

/// Answers names from a script; each name's last answer repeats.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    /// Each of `answers` is a space-separated list of addresses.
    pub fn say(&self, name: &str, answers: &[&str]) {
        let parse = |it: &&str| it.split_whitespace().map(|it| it.parse().expect("an address")).collect();
        self.answers.lock().insert(name.to_owned(), answers.iter().map(parse).collect());
    }

    /// The names that were looked up, as they were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().push(name.to_owned());
        let mut answers = self.answers.lock();
        let script = answers.get_mut(name.trim_end_matches('.')).ok_or(io::ErrorKind::NotFound)?;
        Ok(if script.len() > 1 { script.remove(0) } else { script[0].clone() })
    }
}

#[derive(Default)]
pub struct Remembered(Mutex<Vec<Contact>>);

impl Remembered {
    pub fn contacts(&self) -> Vec<Contact> {
        self.0.lock().clone()
    }
}

impl Ledger for Remembered {
    fn record(&self, contact: Contact) {
        self.0.lock().push(contact);
    }
}

pub struct Net {
    pub egress: Egress,
    pub names: Arc<Names>,
    pub ledger: Arc<Remembered>,
    pub caller: Caller,
}

impl Net {
    pub fn with(config: EgressConfig) -> Self {
        let (names, ledger) = (Arc::new(Names::default()), Arc::new(Remembered::default()));
        let egress = Egress::new(config, names.clone(), ledger.clone());
        Self { egress, names, ledger, caller: caller() }
    }

    /// `allow` as in `[egress] allow`.
    pub fn allowing(allow: &[String]) -> Self {
        let allow = allow.iter().map(|it| it.parse().expect("a rule")).collect();
        Self::with(EgressConfig { allow, ..EgressConfig::default() })
    }
}

/// Someone in an organization of their own.
pub fn caller() -> Caller {
    Caller { org: OrgId::from_bytes(Env::system().bytes()), agent: None, purpose: "test" }
}
