//! Puts the browser code named in `package.json` (`reeve.assets`) into `$OUT_DIR/vendor`, all of it or none.
//!
//! It comes from `REEVE_ASSETS_DIR` (a ready `node_modules`), else from an earlier install that fits the lock
//! file, else from `npm ci` inside `OUT_DIR`, so that the work tree stays as it was. Without any of them a debug
//! build goes on with `cfg(no_vendor_assets)`, a release build stops.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Outcome<T> = Result<T, String>;

const NPM_FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

fn main() -> Outcome<()> {
    for path in ["build.rs", "static"].iter().chain(&NPM_FILES) {
        println!("cargo::rerun-if-changed={path}");
    }
    for name in ["REEVE_ASSETS_DIR", "REEVE_ASSETS", "NPM"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rustc-check-cfg=cfg(no_vendor_assets)");

    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let vendor = out.join("vendor");
    if let Err(why) = empty(&vendor).and_then(|()| fill(&vendor, &out)) {
        empty(&vendor)?;
        let release = env::var("PROFILE").as_deref() == Ok("release");
        if release && !left_out() {
            return Err(format!(
                "browser assets: {why}. Install npm (Node 18 or newer), or point REEVE_ASSETS_DIR at a \
                 node_modules folder made from package-lock.json, or set REEVE_ASSETS=none for a binary whose \
                 pages work without scripts of others"
            ));
        }
        println!("cargo::warning=browser assets left out: {why}. Pages work as plain links and forms.");
        println!("cargo::rustc-cfg=no_vendor_assets");
    }
    Ok(())
}

fn left_out() -> bool {
    env::var("REEVE_ASSETS").as_deref() == Ok("none")
}

fn empty(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|it| said(folder, &it))?;
    }
    fs::create_dir_all(folder).map_err(|it| said(folder, &it))
}

/// Copies every listed file from the packages into `vendor`.
fn fill(vendor: &Path, out: &Path) -> Outcome<()> {
    let modules = modules(out)?;
    let manifest = fs::read_to_string("package.json").map_err(|it| said("package.json", &it))?;
    let manifest: serde_json::Value =
        serde_json::from_str(&manifest).map_err(|it| said("package.json", &it))?;
    let wanted = manifest["reeve"]["assets"].as_object().ok_or("package.json lists no reeve.assets")?;
    for (to, from) in wanted {
        let from = modules.join(from.as_str().ok_or("an entry of reeve.assets is a path")?);
        fs::copy(&from, vendor.join(to)).map_err(|it| said(&from, &it))?;
    }
    Ok(())
}

/// A `node_modules` folder that fits the lock file.
fn modules(out: &Path) -> Outcome<PathBuf> {
    if left_out() {
        return Err("REEVE_ASSETS=none".to_owned());
    }
    if let Some(ready) = env::var_os("REEVE_ASSETS_DIR") {
        return Ok(ready.into());
    }
    let work = out.join("npm");
    let modules = work.join("node_modules");
    let lock = fs::read_to_string("package-lock.json").map_err(|it| said("package-lock.json", &it))?;
    let stamp = work.join("installed-lock");
    if fs::read_to_string(&stamp).is_ok_and(|it| it == lock) {
        return Ok(modules);
    }
    empty(&work)?;
    for file in NPM_FILES {
        fs::copy(file, work.join(file)).map_err(|it| said(file, &it))?;
    }
    install(&work)?;
    // Last, so that an install that was cut short is done again.
    fs::write(&stamp, lock).map_err(|it| said(&stamp, &it))?;
    Ok(modules)
}

fn install(work: &Path) -> Outcome<()> {
    let npm = env::var("NPM").unwrap_or_else(|_| if cfg!(windows) { "npm.cmd" } else { "npm" }.to_owned());
    let run = Command::new(&npm)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--omit=dev"])
        .current_dir(work)
        .output()
        .map_err(|it| said(&npm, &it))?;
    if run.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&run.stderr);
    Err(format!("npm ci failed: {}", stderr.lines().next_back().unwrap_or("it said nothing")))
}

fn said(what: impl AsRef<Path>, why: &dyn std::fmt::Display) -> String {
    format!("{}: {why}", what.as_ref().display())
}
