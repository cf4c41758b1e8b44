//! An agent with one function: it streams each response, runs the calls and sends their outputs.

use codex_client::types::{
    CreateResponse, FunctionTool, InputItem, OutputItem, RawJson, ResponseEvent,
};
use codex_client::{Client, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = Client::from_env()?;
    let question = std::env::args().nth(1).unwrap_or_default();
    let mut items = vec![InputItem::from(question)];
    let schema = r#"{"type": "object", "properties": {"city": {"type": "string"}}}"#;
    let weather = FunctionTool::new("weather", RawJson::parse(schema).expect("JSON"), false);
    loop {
        let request = CreateResponse::new("gpt-5.5")
            .input(items.clone())
            .tools([weather.clone().into()]);
        let mut stream = client.stream(&request).await?;
        while let Some(event) = stream.next().await {
            if let ResponseEvent::OutputTextDelta(delta) = event? {
                print!("{}", delta.delta());
            }
        }
        let response = stream.finish().await?;
        let mut outputs = Vec::new();
        for item in response.output {
            if let OutputItem::FunctionCall(call) = &item {
                outputs.push(InputItem::from(call.output("sunny")));
            }
            items.push(item.into());
        }
        if outputs.is_empty() {
            return Ok(());
        }
        items.extend(outputs);
    }
}
