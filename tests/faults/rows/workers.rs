//! Workers killed, and frozen past their lease and thawed, while replies stream: every reply ends once, none is stuck,
//! and one that was taken for dead writes nothing.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::Play;
use super::stage::Stage;
use crate::load::Shape;
use crate::stored;
use crate::world::{LEASE, World};

const FAULTS: u64 = 50;

/// All are disturbed at a time: one half is frozen, the others are killed one after the other.
const WORKERS: usize = 8;

const SHAPE: Shape = Shape {
    chats: 50,
    chat_pause: 3_000,
    steered: 10,
    steer_pause: 2_000,
    ..Shape::NONE
};

/// Writes down what workers wrote to replies: the start of one, by its name, and whose the lease was. What servers do for
/// people who steer is theirs to do.
const AUDIT: &str = "
    create table audit (
        writer text, is_claim boolean, holder_before uuid, holder_after uuid,
        try smallint, was_over boolean);
    create function audit() returns trigger language plpgsql as $$ begin
        insert into audit values (
            current_setting('application_name'), new.attempt > old.attempt, old.lease_holder, new.lease_holder,
            new.attempt - new.first_attempt, old.status not in ('PENDING', 'STREAMING'));
        return new;
    end $$;
    create trigger audit after update on messages for each row
        when (current_setting('application_name') like 'worker-%') execute function audit();";

/// Rows that somebody wrote whose lease it was not, or after the end. A writer's own id is that of its claims.
const BY_ZOMBIES: &str = "
    with claims as (select distinct writer, holder_after as runner from audit where is_claim)
    select count(*) as count from audit left join claims using (writer)
    where not is_claim and (was_over or runner is distinct from holder_before)";

pub async fn play(play: Play) {
    let world = World::start(2, WORKERS).await;
    let url = world.postgres.url().to_owned();
    // Before anybody claims anything: who a writer is, its claims tell.
    stored::execute(&url, AUDIT).await;
    let fault = "workers killed or frozen mid-reply";
    let mut stage = Stage::set_in(world, play, fault, SHAPE).await;
    stage.load.acknowledged(SHAPE.chats as u64).await;
    let (mut killed, mut frozen) = (0, 0);
    let faults = play.times(FAULTS);
    while killed + frozen < faults {
        let workers = &mut stage.world.workers;
        let mut order: Vec<usize> = (0..WORKERS).collect();
        stage.random.shuffle(&mut order);
        let (to_freeze, to_kill) = order.split_at(WORKERS / 2);
        for worker in to_freeze {
            workers[*worker].signal(Signal::SIGSTOP);
            frozen += 1;
        }
        for worker in to_kill {
            sleep(Duration::from_millis(stage.random.u64(100..900))).await;
            workers[*worker].kill();
            workers[*worker].launch();
            killed += 1;
        }
        // Past the lease, and then until others have taken over what the frozen held.
        let past = LEASE * 1_000 + stage.random.u64(200..1_500);
        sleep(Duration::from_millis(past)).await;
        for worker in to_freeze {
            workers[*worker].signal(Signal::SIGCONT);
        }
        stage.a_while(5..25).await;
        stage.row.progress(killed + frozen, faults);
    }
    let mut rest = stage.rest().await;
    let zombies = stored::number(&url, BY_ZOMBIES).await;
    let told = || format!("zombies wrote {zombies} rows");
    rest.row.must(zombies == 0, told);
    let taken_over = stored::number(
        &url,
        "select count(*) as count from audit where is_claim and try > 1",
    )
    .await;
    let told = || "no reply was ever taken over".to_owned();
    rest.row.must(taken_over > 0, told);
    let workers = rest.world.workers.iter();
    let refused: usize = workers
        .map(|worker| worker.log_lines("taken over or ended by another"))
        .sum();
    rest.row.note(format!(
        "{killed} killed, {frozen} frozen; {taken_over} replies taken over, {refused} writers found that theirs was or had \
         ended"
    ));
    rest.end(format!("{} faults", killed + frozen));
}
