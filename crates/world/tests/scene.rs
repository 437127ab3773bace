//! A run as its watcher sees it: the same seed, the same statuses; and whatever went wrong, engine
//! and venue agree when it is over.

use std::sync::Arc;

use flyball_world::{FAULTS, Recording, Scene};

fn recording() -> Arc<Recording> {
    Arc::new(Recording {
        messages: (0..4_000).map(|at| f64::from(at % 4)).collect(),
        spread: vec![8.0; 4_000],
        step: (0..4_000).map(|at| 1.5 * (f64::from(at) * 0.7).sin()).collect(),
    })
}

fn run(seed: u64, fault: Option<&str>) -> (Scene, Vec<String>) {
    let mut scene = Scene::new(seed, recording()).unwrap();
    let mut statuses: Vec<String> = (0..60).map(|_| scene.step().status).collect();
    if let Some(fault) = fault {
        scene.inject(fault, 0.8).unwrap();
        statuses.extend((0..90).map(|_| scene.step().status));
        scene.end();
        statuses.extend((0..90).map(|_| scene.step().status));
    }
    (scene, statuses)
}

/// A status without what the machine's own clock measured: how long signing and keeping took.
fn virtual_part(status: &str) -> serde_json::Value {
    let mut status: serde_json::Value = serde_json::from_str(status).unwrap();
    let stages = status["measures"]["latencies"]["stages"].as_array_mut().unwrap();
    stages.retain(|stage| stage[0] != "sign" && stage[0] != "keep");
    status
}

#[test]
fn the_same_seed_gives_the_same_statuses() {
    let (_, first) = run(3, Some("slow_venue"));
    let (_, second) = run(3, Some("slow_venue"));
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(virtual_part(one), virtual_part(other));
    }
    assert_eq!(first.len(), second.len());
    let (_, other) = run(4, None);
    assert_ne!(first[59], other[59]);
}

#[test]
fn after_every_class_of_faults_engine_and_venue_agree() {
    for (name, _) in FAULTS {
        let (scene, statuses) = run(5, Some(name));
        assert_eq!(statuses.len(), 240, "{name}");
        let world = scene.world();
        // What is on its way between them is not yet on both sides: money and lots are compared
        // where nothing is.
        let (venue, engine) = (world.at_venue(0), world.at_engine(0));
        assert!(world.clients[0].sent > 20, "{name}: it trades");
        assert!(world.clients[0].session.is_known(), "{name}: the account is known again");
        let apart = (venue.0 - engine.0).abs();
        assert!(apart <= 200, "{name}: {apart} lots apart are more than two fills on their way");
    }
}

#[test]
fn a_recording_that_is_short_or_holds_no_numbers_is_refused() {
    assert!(Scene::new(1, Arc::new(Recording::default())).is_err());
    let mut broken = Recording::clone(&recording());
    broken.step[7] = f64::NAN;
    assert!(Scene::new(1, Arc::new(broken)).is_err());
}
