//! What holds for every kind: its form can be made, its template works.

use reeve::adapters;
use serde_json::Value;

#[test]
fn every_schema_makes_a_form_and_takes_its_template() {
    for adapter in adapters::all() {
        let (kind, schema) = (adapter.kind(), adapter.config_schema());
        let validator = jsonschema::validator_for(&schema).expect(kind);
        assert!(validator.is_valid(&adapter.template()), "{kind}: its template does not fit");
        assert!(
            adapter.check(&adapter.template()).is_empty(),
            "{kind}: {:?}",
            adapter.check(&adapter.template())
        );
        let properties = schema["properties"].as_object().expect(kind);
        for (name, property) in properties {
            for needed in ["title", "description"] {
                let text = property[needed].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{kind}/{name} has no {needed}");
            }
            for example in property["examples"].as_array().into_iter().flatten() {
                let fits = jsonschema::validator_for(property).expect(name);
                assert!(fits.is_valid(example), "{kind}/{name}: its example {example} does not fit");
            }
            let required =
                schema["required"].as_array().is_some_and(|it| it.contains(&Value::from(name.as_str())));
            assert!(required || property["x-order"].is_u64(), "{kind}/{name} has no place in the form");
        }
        assert_eq!(schema["additionalProperties"], false, "{kind} takes fields that it does not know");
    }
}
