//! An agent with one function: it streams each response, runs the calls and sends their outputs.

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::types::responses::{
    CreateResponseArgs, EasyInputMessage, FunctionCallOutput, FunctionCallOutputItemParam,
    FunctionTool, InputItem, InputParam, Item, OutputItem, ResponseStreamEvent, Tool,
};
use futures_util::StreamExt as _;

#[tokio::main]
async fn main() -> Result<(), OpenAIError> {
    let client = Client::new();
    let question = std::env::args().nth(1).unwrap_or_default();
    let mut items = vec![InputItem::from(EasyInputMessage::from(question))];
    let weather = FunctionTool {
        name: "weather".to_owned(),
        parameters: Some(
            serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}}),
        ),
        ..FunctionTool::default()
    };
    loop {
        let request = CreateResponseArgs::default()
            .model("gpt-5.5")
            .input(InputParam::Items(items.clone()))
            .tools(vec![Tool::Function(weather.clone())])
            .build()?;
        let mut stream = client.responses().create_stream(request).await?;
        let mut output = Vec::new();
        while let Some(event) = stream.next().await {
            match event? {
                ResponseStreamEvent::ResponseOutputTextDelta(delta) => print!("{}", delta.delta),
                ResponseStreamEvent::ResponseCompleted(end) => output = end.response.output,
                _ => {}
            }
        }
        let mut outputs = Vec::new();
        for item in output {
            if let OutputItem::FunctionCall(call) = &item {
                outputs.push(InputItem::from(Item::from(FunctionCallOutputItemParam {
                    call_id: Some(call.call_id.clone()),
                    output: FunctionCallOutput::Text("sunny".to_owned()),
                    id: None,
                    status: None,
                    name: None,
                    namespace: None,
                    caller: None,
                })));
            }
            items.push(item.into());
        }
        if outputs.is_empty() {
            return Ok(());
        }
        items.extend(outputs);
    }
}
