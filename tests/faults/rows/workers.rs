//! Workers killed, and frozen past their lease and thawed, while replies stream: every reply ends once, none is stuck,
//! and one that was taken for dead writes nothing.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::Play;
use crate::load::{Load, Shape};
use crate::stored;
use crate::world::{LEASE, World};

const FAULTS: u64 = 50;

/// More than are disturbed at a time.
const WORKERS: usize = 4;

const SHAPE: Shape = Shape {
    quiet: 0,
    chats: 50,
    senders: 0,
    pause: 0,
    chat_pause: 3_000,
    subscribers: 1,
    cuts: None,
};

/// Writes down who wrote what to replies: the start of a worker, by its name, and whose the lease was.
const AUDIT: &str = "
    create table audit (
        writer text, is_claim boolean, holder_before uuid, holder_after uuid,
        attempt smallint, was_over boolean);
    create function audit() returns trigger language plpgsql as $$ begin
        insert into audit values (
            current_setting('application_name'), new.attempt > old.attempt, old.lease_holder, new.lease_holder,
            new.attempt, old.status not in ('PENDING', 'STREAMING'));
        return new;
    end $$;
    create trigger audit after update on messages for each row execute function audit();";

/// Rows that somebody wrote whose lease it was not, or after the end. A writer's own id is that of its claims.
const BY_ZOMBIES: &str = "
    with claims as (select distinct writer, holder_after as runner from audit where is_claim)
    select count(*) as count from audit left join claims using (writer)
    where not is_claim and (was_over or runner is distinct from holder_before)";

pub async fn play(play: Play) {
    let (mut row, mut random) = play.row("workers killed or frozen mid-reply");
    let mut world = World::of_servers_and_workers(2, WORKERS).await;
    let url = world.postgres.url().to_owned();
    stored::execute(&url, AUDIT).await;
    let mut load = Load::start(&world, SHAPE, random.fork()).await;
    load.acknowledged(SHAPE.chats as u64).await;
    let (mut killed, mut frozen) = (0, 0);
    let faults = play.times(FAULTS);
    while killed + frozen < faults {
        let mut order: Vec<usize> = (0..WORKERS).collect();
        random.shuffle(&mut order);
        let (to_freeze, to_kill) = order.split_at(WORKERS / 2);
        for worker in to_freeze {
            world.workers[*worker].signal(Signal::SIGSTOP);
            frozen += 1;
        }
        for worker in to_kill {
            sleep(Duration::from_millis(random.u64(100..900))).await;
            world.workers[*worker].kill();
            world.workers[*worker].launch();
            killed += 1;
        }
        // Past the lease, and then until others have taken over what the frozen held.
        sleep(Duration::from_millis(
            LEASE * 1_000 + random.u64(200..1_500),
        ))
        .await;
        for worker in to_freeze {
            world.workers[*worker].signal(Signal::SIGCONT);
        }
        let before = load.recorder.acknowledged();
        load.acknowledged(before + random.u64(5..25)).await;
    }
    let rested = load.rest(&world).await;
    let zombies = stored::number(&url, BY_ZOMBIES).await;
    row.must(zombies == 0, || format!("zombies wrote {zombies} rows"));
    let taken_over = stored::number(
        &url,
        "select count(*) as count from audit where is_claim and attempt > 1",
    )
    .await;
    row.must(taken_over > 0, || "no reply was ever taken over".to_owned());
    let refused: usize = world
        .workers
        .iter()
        .map(|worker| worker.log_lines("taken over or ended by another"))
        .sum();
    row.note(format!("{killed} killed, {frozen} frozen; {taken_over} replies taken over, {refused} writers found that theirs was"));
    row.done(format!("{} faults", killed + frozen));
    row.judge(&rested);
    row.end();
}
