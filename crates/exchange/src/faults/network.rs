//! What happens to each message, drawn from one seed.

use flyball_core::domain::{MILLISECOND, Random};

use crate::faults::script::{Fault, Kind, Script, Target, nanos};

/// Why a request is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuse {
    /// It is lost: nobody ever answers.
    Silence,
    /// The connection is cut.
    Disconnect,
    /// HTTP 429.
    TooManyRequests,
    /// HTTP 503.
    ServerError,
}

/// How the answer to an executed request is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nobody ever answers.
    Silence,
    /// The connection is cut.
    Disconnect,
    /// HTTP 503 comes instead.
    ServerError,
}

/// What the venue does differently with an action.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tamper {
    /// Orders are rejected.
    pub reject: bool,
    /// An order that takes finds only this share.
    pub partial: Option<f64>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestPlan {
    /// It is not executed.
    pub refuse: Option<Refuse>,
    /// When it arrives, after it was sent.
    pub arrives_after_ns: i64,
    /// It arrives twice.
    pub twice: bool,
    /// What is done differently.
    pub tamper: Tamper,
    /// When its answer arrives, after it was given.
    pub answered_after_ns: i64,
    /// The answer is lost.
    pub lost: Option<Lost>,
}

/// What happens to a message that is pushed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PushPlan {
    /// How often it comes.
    pub copies: u8,
    /// When it arrives, after it was sent.
    pub after_ns: i64,
    /// Whether it stays behind those before it.
    pub in_order: bool,
    /// What its prices are multiplied with.
    pub wild: Option<f64>,
    /// Its connection is cut instead.
    pub disconnect: bool,
    /// Its connection says nothing from now on.
    pub half_open: bool,
}

/// Decides what happens to messages.
#[derive(Clone, Debug)]
pub struct Network {
    script: Script,
    random: Random,
    start_ns: i64,
}

impl Network {
    /// A network on which this script is played, its times counted from `start_ns`.
    pub fn new(seed: u64, script: Script, start_ns: i64) -> Self {
        Self { script, random: Random::new(seed ^ 0x6e65_7477_6f72_6b00), start_ns }
    }

    /// Play another script from now on; its times are counted from `start_ns`.
    pub fn set_script(&mut self, script: Script, start_ns: i64) {
        self.script = script;
        self.start_ns = start_ns;
    }

    /// What is played.
    pub const fn script(&self) -> &Script {
        &self.script
    }

    /// Whether nothing can go wrong: then there is nothing to ask.
    pub fn is_sound(&self) -> bool {
        self.script.fault.is_empty()
    }

    /// The faults that happen to a message of this target now, drawn.
    fn draw(&mut self, target: Target, now_ns: i64, mut happens: impl FnMut(&Fault, i64)) {
        let Self { script, random, start_ns } = self;
        let since = now_ns.saturating_sub(*start_ns);
        for fault in &script.fault {
            let concerns = fault.target.covers(target) && !fault.is_timed();
            if !concerns || fault.window(since).is_none() {
                continue;
            }
            // The draw is made whatever its outcome, so that faults do not disturb each other.
            let happened = random.chance(fault.probability.unwrap_or(1.0));
            let jitter = random.below(fault.jitter_ms.saturating_add(1));
            if happened {
                let delay = fault.delay_ms.saturating_add(jitter);
                happens(fault, nanos(delay));
            }
        }
    }

    /// What happens to a request that is sent now.
    pub fn request(&mut self, target: Target, now_ns: i64) -> RequestPlan {
        let mut plan = RequestPlan::default();
        if self.is_sound() {
            return plan;
        }
        let action = matches!(target, Target::Exchange | Target::Post);
        self.draw(target, now_ns, |fault, delay| match fault.kind {
            Kind::Drop => plan.refuse = plan.refuse.or(Some(Refuse::Silence)),
            Kind::Disconnect => plan.refuse = plan.refuse.or(Some(Refuse::Disconnect)),
            Kind::TooManyRequests => plan.refuse = plan.refuse.or(Some(Refuse::TooManyRequests)),
            Kind::ServerError if fault.executed => plan.lost = Some(Lost::ServerError),
            Kind::ServerError => plan.refuse = plan.refuse.or(Some(Refuse::ServerError)),
            // Half of a delay lies before the venue, half behind it.
            Kind::Delay => {
                let half = delay.div_euclid(2);
                plan.arrives_after_ns = plan.arrives_after_ns.saturating_add(half);
                let rest = delay.saturating_sub(half);
                plan.answered_after_ns = plan.answered_after_ns.saturating_add(rest);
            }
            Kind::Reorder => {
                plan.arrives_after_ns = plan.arrives_after_ns.saturating_add(delay);
            }
            Kind::Duplicate => plan.twice = true,
            Kind::LostAck if action => plan.lost = plan.lost.or(Some(Lost::Silence)),
            Kind::PartialFill if action => plan.tamper.partial = fault.factor,
            Kind::Reject if action => plan.tamper.reject = true,
            _ => {}
        });
        plan
    }

    /// What happens to a message that is pushed now.
    pub fn push(&mut self, target: Target, now_ns: i64) -> PushPlan {
        let mut plan = PushPlan {
            copies: 1,
            after_ns: 0,
            in_order: true,
            wild: None,
            disconnect: false,
            half_open: false,
        };
        if self.is_sound() {
            return plan;
        }
        self.draw(target, now_ns, |fault, delay| match fault.kind {
            Kind::Drop => plan.copies = 0,
            Kind::FrozenFeed if target == Target::Market => plan.copies = 0,
            Kind::WildPrice if target == Target::Market => plan.wild = fault.factor,
            Kind::Duplicate => plan.copies = plan.copies.saturating_mul(2),
            Kind::Delay => plan.after_ns = plan.after_ns.saturating_add(delay),
            Kind::Reorder => {
                plan.after_ns = plan.after_ns.saturating_add(delay);
                plan.in_order = false;
            }
            Kind::Disconnect => plan.disconnect = true,
            Kind::HalfOpen => plan.half_open = true,
            _ => {}
        });
        plan
    }

    /// Whether the venue is away, and until when.
    pub fn away_until(&self, now_ns: i64) -> Option<i64> {
        let windows = self.timed(Kind::Restart, now_ns);
        windows.map(|(_, (_, end))| self.start_ns.saturating_add(end)).max()
    }

    /// How far the venue's clock is ahead.
    pub fn skew_ns(&self, now_ns: i64) -> i64 {
        let skews = self.timed(Kind::ClockSkew, now_ns);
        skews.fold(0, |sum, (fault, _)| {
            sum.saturating_add(fault.skew_ms.saturating_mul(MILLISECOND))
        })
    }

    /// Faults that happen at a time, and whose window begins after `from_ns`, up to `to_ns`.
    pub fn begun(&self, from_ns: i64, to_ns: i64) -> Vec<Fault> {
        let since = from_ns.saturating_sub(self.start_ns).saturating_add(1);
        let until = to_ns.saturating_sub(self.start_ns);
        let begins = |fault: &&Fault| {
            fault.is_timed() && fault.next_begin(since).is_some_and(|at| at <= until)
        };
        self.script.fault.iter().filter(begins).copied().collect()
    }

    /// When the next fault that happens at a time begins or ends, after `now_ns`.
    pub fn next_due_ns(&self, now_ns: i64) -> Option<i64> {
        let since = now_ns.saturating_sub(self.start_ns);
        let timed = self.script.fault.iter().filter(|fault| fault.is_timed());
        let edges = timed.flat_map(|fault| {
            let end = fault.window(since).map(|(_, end)| end).filter(|end| *end < i64::MAX);
            [end, fault.next_begin(since.saturating_add(1))]
        });
        edges.flatten().min().map(|at| self.start_ns.saturating_add(at))
    }

    fn timed(&self, kind: Kind, now_ns: i64) -> impl Iterator<Item = (&Fault, (i64, i64))> {
        let since = now_ns.saturating_sub(self.start_ns);
        let holds = move |fault: &Fault| fault.kind == kind && fault.is_timed();
        let faults = self.script.fault.iter().filter(move |fault| holds(fault));
        faults.filter_map(move |fault| fault.window(since).map(|window| (fault, window)))
    }
}
