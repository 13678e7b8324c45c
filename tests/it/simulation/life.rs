//! One process: an engine on the disk that the one before it left, clients, and a sudden end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reeve::base::{Env, ExecutionId, Id, OrgId, Timestamp};
use reeve::engine::{Engine, Options, Retry, Status, Task, Timer, TimerKind, Timers};
use reeve::infra::store::{OpenOptions, Rows, Store};

use super::disk::Disk;
use super::rows::Kept;
use super::time::{Chance, WallClock};
use super::work::{Labour, Ticker, repeat};
use super::world::{Job, Plan, Series, World};
use crate::support::dice::Dice;

pub(super) const LIMITS: Options = Options {
    max_running: 7,
    max_running_per_org: 3,
    max_queued_per_org: 40,
    max_queued: 100,
    max_weight: 100,
};
pub(super) const ORGS: u8 = 3;
/// Virtual time after which everything must have ended.
const PATIENCE: Duration = Duration::from_secs(4 * 3_600);

/// A fault that is planted, so that one can see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    None,
    /// The disk answers before it has written.
    AnswersEarly,
    /// A tick and the timer's next time are written apart.
    TicksApart,
    /// What a step costs is written apart from its result.
    PaysApart,
    /// Recorded steps are not looked up.
    ForgetsHistory,
    /// Work that may run once is handed in as work that may run again.
    Repeats,
}

/// How often timers fire, and by how much clocks are set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    pub period_ms: u64,
    jumps_ms: [i64; 4],
}

impl Calendar {
    pub(super) const FINE: Self = Self { period_ms: 2_000, jumps_ms: [90_000, -90_000, 1, -1] };
    pub(super) const COARSE: Self =
        Self { period_ms: 900_000, jumps_ms: [86_400_000, -86_400_000, 3_600_000, -3_600_000] };
}

pub(super) struct Life {
    pub world: Arc<World>,
    pub disk: Disk,
    pub series: Vec<Series>,
    pub calendar: Calendar,
    pub bug: Bug,
}

#[derive(Clone)]
struct Process {
    world: Arc<World>,
    engine: Engine,
    store: Store,
    env: Env,
    disk: Disk,
    clock: Arc<WallClock>,
    calendar: Calendar,
    bug: Bug,
}

pub(super) fn org(number: u8) -> OrgId {
    OrgId::from_bytes([number + 1; 16])
}

fn orgs() -> Vec<OrgId> {
    (0..ORGS).map(org).collect()
}

impl Life {
    /// Lives from `wall` on, for a while that `dice` says, and ends in the middle of things. Answers what the
    /// clock shows then.
    pub(super) fn until_a_crash(&self, wall: i64, dice: &mut Dice) -> i64 {
        self.live(wall, dice, |process, mut dice| async move {
            let while_ms = 50 + dice.below(20_000) as u64;
            let acts = async {
                let mut acting = tokio::task::JoinSet::new();
                for _ in 0..3 + dice.below(14) {
                    acting.spawn(client(process.clone(), Dice::new(dice.next())));
                }
                acting.spawn(mishaps(process.clone(), Dice::new(dice.next())));
                while acting.join_next().await.is_some() {}
                std::future::pending::<()>().await;
            };
            let _ = tokio::time::timeout(Duration::from_millis(while_ms), acts).await;
            if dice.percent(20) {
                let patience = Duration::from_millis(dice.below(2_000) as u64);
                let begun = tokio::time::Instant::now();
                process.engine.drain(patience).await;
                if begun.elapsed() > patience + Duration::from_secs(2) {
                    process.world.wrong("D17: a drain took longer than its patience");
                }
            }
        })
    }

    /// The last life: nothing goes wrong any more, and everything must end.
    pub(super) fn to_the_end(&self, wall: i64, dice: &mut Dice) {
        self.live(wall, dice, |process, _| async move {
            let all = async {
                while process.engine.stats()
                    != (reeve::engine::EngineStats { running: 0, queued: 0, paused: 0 })
                {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            };
            if tokio::time::timeout(PATIENCE, all).await.is_err() {
                process.world.wrong(format!("D6: {:?} after hours", process.engine.stats()));
            }
        });
    }

    fn live<F: Future<Output = ()>>(
        &self,
        wall: i64,
        dice: &mut Dice,
        act: impl FnOnce(Process, Dice) -> F,
    ) -> i64 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let shown = runtime.block_on(async {
            let process = self.start(wall, dice).await;
            act(process.clone(), Dice::new(dice.next())).await;
            process.env.now().millis()
        });
        // Whatever was under way is gone, like that.
        drop(runtime);
        self.world.process_ended();
        self.disk.cut_power();
        shown
    }

    async fn start(&self, wall: i64, dice: &mut Dice) -> Process {
        let clock = WallClock::showing(wall);
        let env = Env::new(clock.clone(), Arc::new(Chance(Mutex::new(Dice::new(dice.next())))));
        let mut pace = Dice::new(dice.next());
        let pace = move || Duration::from_micros(pace.below(3_000) as u64);
        let store = Store::paced(self.disk.clone(), OpenOptions::default(), &env, pace).expect("opens");
        let engine = Engine::start(env.clone(), store.clone(), LIMITS, tokio::runtime::Handle::current());
        let labour = Labour {
            world: self.world.clone(),
            dice: Mutex::new(Dice::new(dice.next())),
            env: env.clone(),
            bug: self.bug,
        };
        engine.register(Arc::new(labour));
        let timers = Timers::new(env.clone(), store.clone());
        let ticker = Ticker {
            world: self.world.clone(),
            store: store.clone(),
            env: env.clone(),
            series: self.series.clone(),
            bug: self.bug,
        };
        timers.register(TimerKind::Schedule, Arc::new(ticker));
        engine.recover(&orgs()).await.expect("recovers");
        timers.start(|| Ok(orgs())).expect("starts");
        // Timers live as long as somebody holds them.
        tokio::spawn(async move {
            let _timers = timers;
            std::future::pending::<()>().await;
        });
        Process {
            world: self.world.clone(),
            engine,
            store,
            env,
            disk: self.disk.clone(),
            clock,
            calendar: self.calendar,
            bug: self.bug,
        }
    }
}

/// Sets the first time of every series.
pub(super) fn begin(life: &Life, wall: i64, dice: &mut Dice) {
    let series = life.series.clone();
    life.live(wall, dice, |process, _| async move {
        for it in series {
            let set = move |tx: &mut reeve::infra::store::OrgTx<'_, '_>| {
                Timer::set(tx, TimerKind::Schedule, it.subject, it.first)
            };
            process.store.write_org(it.org, set).await.expect("sets");
        }
    });
}

/// Hands in work, and sometimes wants it no more.
async fn client(process: Process, mut dice: Dice) {
    tokio::time::sleep(Duration::from_millis(dice.below(6_000) as u64)).await;
    let Some(id) = submit(&process, &mut dice).await else { return };
    let org = process.world.job(id).expect("known").org;
    if dice.percent(25) {
        tokio::time::sleep(Duration::from_millis(dice.below(3_000) as u64)).await;
        process.engine.cancel(org, id, None).await.expect("is told");
    } else if let Some(mut watch) = process.engine.watch(id) {
        watch.ended().await;
    }
    let kept = process.store.org(org).expect("reads").get::<Kept>(id).expect("reads").expect("is kept");
    // A drain lets everyone go.
    if let Some(status) = kept.status {
        process.world.change(id, |job| job.told_ended = true);
        assert!(status.has_ended());
    }
}

async fn submit(process: &Process, dice: &mut Dice) -> Option<ExecutionId> {
    let (id, org): (ExecutionId, OrgId) = (process.env.id(), org(dice.below(ORGS.into()) as u8));
    let plan = match dice.below(14) {
        0..=3 => Plan::Done { after_ms: dice.below(2_500) as u64 },
        4..=5 => Plan::Flaky { failures: 1 + dice.below(3) as u32 },
        6 => Plan::Hopeless,
        7 => Plan::Hangs,
        8 => Plan::Panics,
        9..=10 => Plan::Stalls { count: 1 + dice.below(6) as u32 },
        _ => Plan::Steps { count: 1 + dice.below(6) as u32 },
    };
    let has_steps = matches!(plan, Plan::Steps { .. } | Plan::Stalls { .. });
    let once = dice.percent(30) && !has_steps;
    let attempt_timeout_ms = matches!(plan, Plan::Stalls { .. }).then(|| 500 + dice.below(2_000) as u64);
    let now = process.env.now();
    let task = Task {
        id,
        org,
        lane: [dice.below(3) as u8; 16],
        lane_limit: 2,
        priority: dice.below(5) as i8 - 2,
        repeat: repeat(once && process.bug != Bug::Repeats),
        retry: Retry { max_attempts: 3, backoff_ms: 200, max_backoff_ms: 2_000 },
        timeout_ms: 1_000 + dice.below(60_000) as u64,
        accepted_at: now,
        ready_at: now,
        pause_ms: 0,
        attempts: 0,
        begun_at: None,
        in_flight: false,
        resting: false,
        held_since: None,
        held_ms: 0,
        weight: if dice.percent(20) { 1 + dice.below(60) as u64 } else { 0 },
        more_lanes: Vec::new(),
        turn: Vec::new(),
        attempt_timeout_ms,
        queue_timeout_ms: None,
    };
    let job = Job {
        org,
        plan,
        once,
        acked: false,
        attempts: 0,
        reached: 0,
        recorded: Default::default(),
        told_ended: false,
    };
    process.world.add(id, job);
    process.engine.check_room(org).ok()?;
    process.engine.announce(&task);
    let stored = task.clone();
    let written = process
        .store
        .write_org(org, move |tx| {
            tx.insert(&Kept { id, began: 0, ends: 0, status: None, paid: 0 })?;
            Engine::put(tx, &stored)
        })
        .await;
    if written.is_err() {
        process.engine.withdraw(id);
        return None;
    }
    process.world.change(id, |job| job.acked = true);
    process.engine.accept(task);
    Some(id)
}

/// Full disks and clocks that are set.
async fn mishaps(process: Process, mut dice: Dice) {
    for _ in 0..dice.below(4) {
        tokio::time::sleep(Duration::from_millis(dice.below(5_000) as u64)).await;
        if dice.percent(50) {
            process.disk.fill(true);
            tokio::time::sleep(Duration::from_millis(dice.below(8_000) as u64)).await;
            process.disk.fill(false);
        } else {
            process.clock.jump(process.calendar.jumps_ms[dice.below(4)]);
        }
    }
}

/// Whether a status says that something has ended well or badly.
pub(super) fn is_end(status: Option<Status>) -> bool {
    status.is_some_and(Status::has_ended)
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}
