//! The agents that ship with the product, deployed.

use crate::access::Cx;
use crate::agents::{self, FromTemplate, Spec, Visibility};
use crate::base::Result;
use crate::packages;

/// Makes every package a published agent, once. Answers the slugs of those that are new.
pub(super) async fn deploy(cx: &Cx) -> Result<Vec<String>> {
    let mut deployed = Vec::new();
    for package in packages::all()? {
        let slug = package.manifest.slug;
        if agents::find(cx, &slug).is_ok() {
            continue;
        }
        let request = FromTemplate {
            template: slug.clone(),
            name: None,
            slug: Some(slug.clone()),
            description: None,
            config: None,
            visibility: Some(Visibility::Organization),
        };
        agents::from_template(cx, request).await?;
        agents::publish(cx, &slug, Spec::Draft, Some("ships with Reeve".to_owned())).await?;
        deployed.push(slug);
    }
    Ok(deployed)
}
