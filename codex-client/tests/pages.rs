//! A list that comes in pages, from a scripted server: all of it, and an end to it.

use codex_client::{Client, ErrorKind, ItemQuery};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::kit;

fn start(script: Script) -> (LoopbackServer, Client) {
    kit::start(script, |client| client)
}

fn page(ids: &[&str], last_id: Option<&str>, has_more: bool) -> Answer {
    let items: Vec<Value> = ids
        .iter()
        .map(|id| json!({"type": "message", "id": id, "role": "user", "content": []}))
        .collect();
    let mut page = json!({"object": "list", "data": items, "has_more": has_more});
    if let Some(last_id) = last_id {
        page["last_id"] = last_id.into();
    }
    Answer::json(200, page.to_string())
}

#[tokio::test]
async fn pages_are_fetched_until_there_are_no_more() {
    let script = Script::new()
        .answer(page(&["msg_1", "msg_2"], Some("msg_2"), true))
        .answer(Answer::json(400, r#"{"error":{"message":"no"}}"#))
        .answer(page(&["msg_3"], None, true))
        .answer(page(&["msg_4"], Some("msg_4"), false));
    let (server, client) = start(script);
    let mut pages = client.input_item_pages("resp_1", ItemQuery::new().limit(2));
    let (mut ids, mut failures) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => ids.extend(
                page.data
                    .iter()
                    .filter_map(|item| item.id())
                    .map(str::to_owned),
            ),
            // The position is kept, and the same page is requested again.
            Err(_) => failures += 1,
        }
    }
    assert_eq!(ids, ["msg_1", "msg_2", "msg_3", "msg_4"]);
    assert_eq!(failures, 1);
    let requests = server.requests();
    let queries: Vec<_> = requests.iter().map(|it| it.uri.query()).collect();
    let behind = |id| Some(format!("limit=2&after={id}"));
    assert_eq!(
        queries,
        [
            Some("limit=2"),
            behind("msg_2").as_deref(),
            behind("msg_2").as_deref(),
            behind("msg_3").as_deref()
        ]
    );
}

#[tokio::test]
async fn pages_that_lead_nowhere_end() {
    for second in [page(&["msg_1"], Some("msg_1"), true), page(&[], None, true)] {
        let script = Script::new()
            .answer(page(&["msg_1"], Some("msg_1"), true))
            .answer(second);
        let (server, client) = start(script);
        let mut pages = client.input_item_pages("resp_1", ItemQuery::new());
        for _ in 0..2 {
            pages.next().await.expect("a page").expect("no error");
        }
        let error = pages.next().await.expect("an end").expect_err("none");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.to_string(), "list page has more items but no cursor");
        assert!(pages.next().await.is_none());
        assert_eq!(server.requests().len(), 2);
    }
}
