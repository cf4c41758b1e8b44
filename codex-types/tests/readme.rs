//! The coverage table in the README matches the types.

use codex_types::*;

#[test]
fn the_table_of_coverage_is_true() {
    let readme = include_str!("../README.md");
    let mut wrong = Vec::new();
    for (name, count) in [
        ("ResponseEvent", ResponseEvent::KINDS.len()),
        ("ClientEvent", ClientEvent::KINDS.len()),
        ("OutputItem", OutputItem::KINDS.len()),
        ("StoredItem", StoredItem::KINDS.len()),
        ("InputItem", InputItem::KINDS.len()),
        ("InputPart", InputPart::KINDS.len()),
        ("OutputPart", OutputPart::KINDS.len()),
        ("Annotation", Annotation::KINDS.len()),
        ("Tool", Tool::KINDS.len()),
        ("ToolChoiceMode", ToolChoiceMode::VALUES.len()),
        ("ToolChoiceTarget", ToolChoiceTarget::KINDS.len()),
        ("TextFormat", TextFormat::KINDS.len()),
        ("ErrorCode", ErrorCode::VALUES.len()),
    ] {
        if !readme.contains(&format!("| `{name}` | {count} |")) {
            wrong.push((name, count));
        }
    }
    assert!(wrong.is_empty(), "the table should say {wrong:?}");
}
