//! Exactly once, over any number of faults: a conversation of several turns against a simulated
//! server whose connections break, stall, are refused and recover, on either transport and across
//! both. The consumer must receive each event of a response once and in order, or an explicit
//! boundary after which everything starts again, or a typed error; and the server must have
//! received the whole conversation before every response. Everything derives from a seed:
//! `CODEX_SEEDS=10000` runs this many, `CODEX_SEED=n` runs one of them.
#![cfg(feature = "ws")]

mod consumer;
mod random;
mod server;

use std::sync::{Arc, Mutex};

use codex_auth::{BearerToken, Secret, TokenRequest, source_fn};
use codex_client::{Client, Interruption, SocketSession, SocketSettings, TransportChoice};
use codex_transport::testing::ScriptedTransport;
use codex_types::profile::Profile;

use consumer::{Conversation, Tally};
use random::Random;
use server::{Fault, Faults, Server};

#[test]
fn over_many_seeds_nothing_is_repeated_lost_or_left_unexplained() {
    let mut tally = Tally::default();
    for seed in seeds(500) {
        let mut random = Random::new(seed);
        let settings = settings(&mut random);
        let faults = Faults::drawn_from(random.fork());
        tally.add(seed, &run(&mut random, settings, faults));
    }
    eprintln!("{tally}");
    assert_eq!(
        (tally.duplicated, tally.lost, tally.unexplained),
        (0, 0, 0),
        "{tally}"
    );
    assert!(tally.violations.is_empty(), "{tally}");
    // Requires that faults occurred: a simulation without them proves nothing.
    let turns = tally.turns;
    for (what, count) in [
        ("completed in spite of a fault", tally.saved),
        (
            "ended in an error after something was handed out",
            tally.cut,
        ),
        ("were restarted", tally.restarted),
        ("were resumed", tally.resumed),
        ("fell back to HTTP", tally.fallen_back),
        ("continued the turn before", tally.continued),
        ("were dropped by the consumer", tally.dropped),
    ] {
        assert!(count * 200 > turns, "of {turns} turns only {count} {what}");
    }
    assert!(tally.retrieved > 0, "{tally}");
}

#[test]
fn every_fault_at_every_event_of_either_transport_is_handled() {
    let mut tally = Tally::default();
    let mut seed = 0;
    for transport in [
        TransportChoice::Auto,
        TransportChoice::Http,
        TransportChoice::WebSocket,
    ] {
        for interruption in [Interruption::Fail, Interruption::Restart] {
            // Sockets do not support background responses.
            for background in if transport == TransportChoice::WebSocket {
                &[false][..]
            } else {
                &[false, true]
            } {
                for fault in Fault::ALL {
                    for index in 0..server::EVENTS {
                        for (turn, forgets) in [(0, false), (1, false), (0, true), (1, true)] {
                            // Only a stored response can be lost.
                            if forgets && !background {
                                continue;
                            }
                            let mut settings = SocketSettings::default();
                            (settings.transport, settings.interruption) = (transport, interruption);
                            seed += 1;
                            let faults = Faults::one(turn, index, fault, forgets);
                            let mut random = Random::new(seed);
                            tally.add(
                                seed,
                                &run_with(&mut random, settings, faults, 2, *background, false),
                            );
                        }
                    }
                }
            }
        }
    }
    eprintln!("{tally}");
    assert_eq!(
        (tally.duplicated, tally.lost, tally.unexplained),
        (0, 0, 0),
        "{tally}"
    );
    assert!(tally.violations.is_empty(), "{tally}");
    assert!(
        tally.saved > 0 && tally.cut > 0 && tally.restarted > 0 && tally.resumed > 0,
        "{tally}"
    );
    assert!(tally.retrieved > 0, "{tally}");
}

fn seeds(count: u64) -> core::ops::Range<u64> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match number("CODEX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CODEX_SEEDS").unwrap_or(count),
    }
}

fn settings(random: &mut Random) -> SocketSettings {
    let mut settings = SocketSettings::default();
    settings.transport = random.choose(&[
        TransportChoice::Auto,
        TransportChoice::Auto,
        TransportChoice::Auto,
        TransportChoice::Http,
        TransportChoice::WebSocket,
    ]);
    settings.interruption = random.choose(&[Interruption::Fail, Interruption::Restart]);
    settings
}

fn run(random: &mut Random, settings: SocketSettings, faults: Faults) -> Tally {
    let turns = 1 + random.below(5);
    let background = settings.transport != TransportChoice::WebSocket && random.one_in(5);
    run_with(random, settings, faults, turns, background, true)
}

fn run_with(
    random: &mut Random,
    settings: SocketSettings,
    faults: Faults,
    turns: u64,
    background: bool,
    is_restless: bool,
) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Arc::new(Mutex::new(Server::new(faults)));
        let client = client(&server);
        let mut conversation = Conversation::new(
            SocketSession::new(&client, settings),
            server,
            background,
            is_restless,
        );
        for _ in 0..turns {
            conversation.turn(random).await;
        }
        conversation.into_tally()
    })
}

fn client(server: &Arc<Mutex<Server>>) -> Client {
    // The source has one better token after each rejection; the server decides at random when to
    // demand one.
    let source =
        source_fn(|_: TokenRequest| async { Ok(BearerToken::new(Secret::from("invented"))) });
    Client::builder()
        .base_url("http://127.0.0.1:9/v1")
        .profile(Profile::platform())
        .auth(source)
        .transport(ScriptedTransport::new(server::over_http(server)))
        .websocket(server::Sockets(server.clone()))
        .timer(codex_transport::TokioTimer)
        .build()
        .unwrap()
}
