//! The fast path of a chunk that only adds text gives what the general one gives.
#![cfg(feature = "chat")]

use codex_sse::Limits;
use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
use codex_types::ResponseEvent;
use codex_types::chat::{ChatChunk, ChatTextRef};
use proptest::prelude::*;

/// Makes chunks from a seed.
struct Source(u64);

impl Source {
    /// Returns a number below `limit`, by one step of xorshift.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Returns an object with this member and some others. Most have their first value; of the
    /// unusual values and repeated keys, a chunk has few, so that one alone decides.
    fn object(&mut self, members: &[(&str, &[&str])], always: &str) -> String {
        let mut written = Vec::new();
        for (key, values) in members {
            if self.below(3) == 0 && values[0] != RARE {
                let value = values[0];
                written.push(format!("{}{value}", self.key(key)));
            }
        }
        if self.below(40) > 0 {
            written.insert(self.below(written.len() + 1), always.to_owned());
        }
        if self.below(5) == 0 {
            let (key, values) = members[self.below(members.len())];
            let value = match self.below(3) {
                0 => self.one(ODD),
                _ => values[values.len() - 1 - self.below(values.len().min(3))],
            };
            let value = if value == RARE { "null" } else { value };
            let member = format!("{}{value}", self.key(key));
            written.insert(self.below(written.len() + 1), member);
        }
        let comma = self.one(&[",", ",", ",", ", ", " ,\n"]);
        format!("{{{}}}", written.join(comma))
    }

    fn key(&mut self, key: &str) -> String {
        format!("\"{key}\"{}", self.one(&[":", ":", ":", ": ", "\t:"]))
    }

    fn chunk(&mut self) -> String {
        let key = self.one(&[
            "content",
            "content",
            "content",
            "reasoning_content",
            "reasoning",
        ]);
        let text = self.one(TEXTS);
        let text = match self.below(3) {
            0 => {
                let input = self.one(ARGUMENTS);
                let function = self.object(FUNCTION, &format!("\"arguments\":{input}"));
                let call = self.object(CALL, &format!("\"function\":{function}"));
                format!("\"tool_calls\":[{call}]")
            }
            _ => format!("\"{key}\":{text}"),
        };
        let delta = self.object(DELTA, &text);
        let choice = self.object(CHOICE, &format!("\"delta\":{delta}"));
        let choices = match self.below(24) {
            0 => choice,
            1 => format!("[{choice},{choice}]"),
            2 => "[]".to_owned(),
            3 => format!("[ {choice} ]"),
            _ => format!("[{choice}]"),
        };
        self.object(TOP, &format!("\"choices\":{choices}"))
    }
}

/// Marks a key that has no usual value besides the one that every object has.
const RARE: &str = "rare";
const TEXTS: &[&str] = &[
    r#""a""#,
    r#""two words""#,
    r#""é\"\\\n""#,
    r#""\u00e9""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""""#,
    "null",
    "1",
    r#"["b"]"#,
    r#"[{"type":"text","text":"c"}]"#,
    r#""<think>""#,
];
const ARGUMENTS: &[&str] = &[
    r#""{\"a""#,
    r#""\":1}""#,
    r#""{}""#,
    r#""""#,
    "null",
    r#"{"a":1}"#,
    r#""x""#,
];
const FUNCTION: &[(&str, &[&str])] = &[
    ("name", &["null", "\"f\"", "\"\"", "\"run\""]),
    ("input", &["null"]),
];
const CALL: &[(&str, &[&str])] = &[
    ("index", &["0", "0", "0", "1"]),
    ("id", &["null", "\"\"", "\"a\"", "\"b\""]),
    ("type", &["\"function\"", "null", "\"custom\""]),
    ("custom", &["null"]),
    ("extra_content", &["null", "{}"]),
];
const ODD: &[&str] = &[
    "null",
    "0",
    "1",
    "-1",
    "1.5",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "true",
    r#"{"message":"m"}"#,
];
const TOP: &[(&str, &[&str])] = &[
    ("id", &["\"c1\"", "7"]),
    (
        "object",
        &[
            "\"chat.completion.chunk\"",
            "\"error\"",
            "\"chat.completion\"",
        ],
    ),
    ("created", &["1", "1.5", "null"]),
    ("model", &["\"m\""]),
    ("service_tier", &["null", "\"default\""]),
    ("system_fingerprint", &["\"fp\"", "null"]),
    (
        "usage",
        &[
            "null",
            r#"{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#,
        ],
    ),
    ("provider", &["\"P\""]),
    ("p", &["\"abc\""]),
    ("obfuscation", &["\"abc\""]),
    ("error", &["null", "null", "null", r#"{"message":"e"}"#]),
    ("native", &["null"]),
    ("choices", &[RARE, "null", "[]"]),
    ("x_groq", &["null"]),
];
const CHOICE: &[(&str, &[&str])] = &[
    ("index", &["0", "0", "0", "0", "1"]),
    (
        "finish_reason",
        &["null", "null", "null", "\"\"", "\"stop\"", "\"error\""],
    ),
    ("logprobs", &["null", "null", r#"{"content":[]}"#]),
    ("message", &["null", r#"{"content":"whole"}"#]),
    ("text", &["null", "\"older\""]),
    ("delta", &[RARE, "null", r#"{"content":"twice"}"#]),
    ("stop_reason", &["null"]),
    ("usage", &["null"]),
];
const DELTA: &[(&str, &[&str])] = &[
    ("role", &["\"assistant\"", "null"]),
    ("content", &["\"\"", "null", "\"again\""]),
    ("refusal", &["null", "\"no\""]),
    ("reasoning_content", &["null", "\"\"", "\"hm\""]),
    ("reasoning", &["null", "\"hm\""]),
    ("reasoning_text", &["null", "\"hm\""]),
    ("thinking", &["null", "\"hm\""]),
    ("reasoning_details", &["null", "[]"]),
    (
        "tool_calls",
        &[
            "null",
            "[]",
            r#"[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]"#,
        ],
    ),
    ("function_call", &["null"]),
    ("annotations", &["null", "[]"]),
    ("error", &["null"]),
];

/// Decodes chunks through the decoder, one event after the other.
fn decoded(events: ToResponseEvents, chunks: &[String]) -> Vec<ResponseEvent> {
    let mut decoder = ChatEventDecoder::new(events, Limits::new());
    let body: String = chunks
        .iter()
        .map(|chunk| format!("data: {}\n\n", chunk.replace('\n', "\ndata: ")))
        .collect();
    let mut input = body.as_bytes();
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut input).transpose() {
        events.extend(event.ok());
    }
    events
}

/// Feeds every chunk as a whole.
fn fed(mut to_events: ToResponseEvents, chunks: &[String]) -> Vec<ResponseEvent> {
    let mut events = Vec::new();
    for chunk in chunks {
        if let Ok(chunk) = ChatChunk::from_json(chunk) {
            events.extend(to_events.feed(&chunk).unwrap_or_default());
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fast_path_changes_no_event(seed in 1_u64..) {
        let mut source = Source(seed);
        let chunks: Vec<String> = (0..6).map(|_| source.chunk()).collect();
        for has_think_tags in [false, true] {
            let events = || ToResponseEvents::new().with_think_tags(has_think_tags).keeping_reasoning(true);
            prop_assert_eq!(decoded(events(), &chunks), fed(events(), &chunks), "{:#?}", chunks);
        }
    }
}

#[test]
fn chunks_of_known_servers_are_read_on_the_fast_path() {
    for (json, key, text) in [
        (
            r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,"model":"gpt-5","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":" you"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3"}"#,
            "content",
            " you",
        ),
        (
            r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"\n"},"logprobs":null,"finish_reason":null,"token_ids":null}]}"#,
            "content",
            "\n",
        ),
        (
            r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"ü"}}],"created":1,"id":"x","model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}"#,
            "content",
            "ü",
        ),
        (
            r#"{"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {"content": null, "reasoning_content": "Hm"}, "logprobs": null, "finish_reason": null}]}"#,
            "reasoning_content",
            "Hm",
        ),
        (
            r#"{"id":"gen-1","provider":"P","model":"m","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm"},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}"#,
            "reasoning",
            "Hm",
        ),
        (
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"type":"function","function":{"arguments":"{\""}}]},"finish_reason":null}]}"#,
            "arguments",
            "{\"",
        ),
        (
            r#"{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#,
            "content",
            "Hi",
        ),
    ] {
        let read = ChatTextRef::from_json(json).unwrap();
        assert_eq!((read.key(), read.as_str()), (key, text), "{json}");
    }
}

#[test]
fn what_is_more_than_text_is_left_to_the_general_reader() {
    for delta in [
        r#"{"content":"a","content":"b"}"#,
        r#"{"content":"a","content":null}"#,
        r#"{"content":"a","reasoning":"b"}"#,
        r#"{"content":"a","refusal":"b"}"#,
        r#"{"content":"a","tool_calls":[{}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"b"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"b"}}]}"#,
        r#"{"tool_calls":[{"function":{"arguments":"b"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":{"a":1}}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"b"}},{"index":1,"function":{"arguments":"b"}}]}"#,
        r#"{"content":["a"]}"#,
        r#"{"content":""}"#,
        "{}",
        r#"{"content":"\ud83d"}"#,
    ] {
        let json = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
        assert_eq!(ChatTextRef::from_json(&json), None, "{json}");
    }
    let choice = r#"{"delta":{"content":"a"}}"#;
    for json in [
        format!(r#"{{"choices":[{choice},{choice}]}}"#),
        format!(r#"{{"choices":{choice}}}"#),
        format!(r#"{{"choices":[{choice}],"choices":null}}"#),
        format!(r#"{{"choices":[{choice}],"error":{{"message":"m"}}}}"#),
        format!(r#"{{"object":"error","choices":[{choice}]}}"#),
        format!(r#"{{"choices":[{choice}],"usage":{{}}}}"#),
        format!(r#"{{"choices":[{choice}]}}x"#),
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#.to_owned(),
        r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#.to_owned(),
        r#"{"choices":[{"delta":{"content":"a"},"delta":null}]}"#.to_owned(),
        r#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#.to_owned(),
    ] {
        assert_eq!(ChatTextRef::from_json(&json), None, "{json}");
    }
}
