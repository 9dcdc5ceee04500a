//! What a commit changes in each table.

use rusqlite::params;
use rusqlite::types::{ToSqlOutput, ValueRef};
use uuid::Uuid;

use super::super::commit::{Added, Again, PendingDelivery, Rest};
use super::super::{Commit, StatusKind, UnixMillis};
use super::columns::{Exact, Record, column_of, column_of_wtf8};
use super::failure::Failure;
use super::live_runs::{Counts, LiveRun};
use super::run_record::{RunRecord, Standing, identity, outcome, outcome_seal};
use super::seal::Table;
use super::sealed_records::{PendingRecord, WaitRecord, seal_of_value};
use super::statements::delete_all_of;
use super::writing::Writer;
use crate::ExactString;

/// What becomes of a pending delivery that stays pending.
#[derive(Clone, Copy)]
enum PendingChange<'a> {
    Sent(u32),
    Added(&'a Added),
    Again(&'a Again),
    Held(&'a ExactString),
    Done(u64),
    Gathered,
}

impl<'a> PendingChange<'a> {
    fn apply(self, pending: &mut PendingRecord<'a>) {
        match self {
            Self::Sent(count) => pending.sent = count,
            Self::Added(added) => pending.added = Some(&added.results),
            Self::Again(again) => {
                pending.attempt = again.attempt;
                pending.sent = again.sent;
                pending.due = again.due;
            }
            Self::Held(key) => {
                pending.held = Some(key.as_wtf8());
                pending.added = None;
            }
            Self::Done(number) => {
                pending.done = Some(number);
                pending.attempt = 1;
                pending.sent = 0;
                pending.added = None;
            }
            Self::Gathered => pending.gathered = true,
        }
    }
}

impl Writer<'_> {
    /// Makes the record of a run; [`Writer::change_run`] does the rest.
    pub(super) fn create(&mut self, commit: &Commit) -> Result<LiveRun, Failure> {
        let workflow = commit.creates.as_deref().unwrap_or_default();
        let identity = identity(commit.run, workflow, commit.parent, commit.code.as_ref(), commit.at);
        let mut buffer = Uuid::encode_buffer();
        let id = id_text(commit.run, &mut buffer);
        let row = self.statements.insert_run.insert((
            id,
            workflow,
            commit.at.0,
            commit.parent.map(|parent| parent.run.to_string()),
            commit.parent.map(|parent| parent.depth),
            commit.code.as_ref().map(|code| &*code.version),
            commit.code.as_ref().map(|code| &*code.steps),
        ))?;
        Ok(LiveRun {
            row,
            version: 0,
            last_delivery: 0,
            last_history: None,
            carries: false,
            counts: Counts::default(),
            // So that the status is written: an outcome has a checksum even if there is none.
            status: StatusKind::Failed,
            finished_at: None,
            has_error: false,
            identity,
        })
    }

    /// Gives how many deliveries of the run are pending now. `carried` is the one that its history has carried so far, and
    /// what is queued `is_carried` if it is from now on.
    pub(super) fn change_pending(
        &mut self,
        commit: &Commit,
        live: LiveRun,
        carried: Option<&PendingDelivery>,
        is_carried: bool,
    ) -> Result<u64, Failure> {
        let LiveRun { row, mut counts, .. } = live;
        let has_ended = commit.status.kind().is_ended();
        if commit.replaces || has_ended {
            if counts.pending > u64::from(carried.is_some()) {
                delete_all_of(self.connection, "pending", row)?;
            }
            counts.pending = 0;
        }
        if has_ended {
            return Ok(0);
        }
        let stays = commit.held.as_ref().map(PendingChange::Held).or(commit.done.map(PendingChange::Done));
        let mut settled = commit.settled.filter(|_| !commit.replaces);
        if let Some(carried) = carried.filter(|_| !commit.replaces) {
            if stays.is_none() && settled.is_some_and(|settled| settled.delivery == carried.delivery) {
                settled = None;
                counts.pending = counts.pending.saturating_sub(1);
            } else {
                self.insert_pending(commit.run, row, carried)?;
            }
        }
        if let Some(settled) = settled {
            match stays {
                None => counts.pending -= self.delete_pending(row, settled.delivery)?.min(counts.pending),
                Some(change) => self.update_pending(commit.run, row, settled.delivery, change)?,
            }
        }
        for delivery in &commit.gathered {
            if self.is_held(row, *delivery)? {
                counts.pending -= self.delete_pending(row, *delivery)?.min(counts.pending);
            } else {
                self.update_pending(commit.run, row, *delivery, PendingChange::Gathered)?;
            }
        }
        if is_carried {
            counts.pending += 1;
        } else {
            for pending in &commit.queued {
                counts.pending += self.insert_pending(commit.run, row, pending)?;
            }
        }
        if let Some(sent) = commit.sent {
            self.update_pending(commit.run, row, sent.delivery, PendingChange::Sent(sent.count))?;
        }
        for added in &commit.added {
            self.update_pending(commit.run, row, added.delivery, PendingChange::Added(added))?;
        }
        for again in &commit.again {
            self.update_pending(commit.run, row, again.delivery, PendingChange::Again(again))?;
        }
        Ok(counts.pending)
    }

    /// Says how many there are fewer.
    fn delete_pending(&mut self, row: i64, delivery: u64) -> Result<u64, Failure> {
        Ok(self.statements.delete_pending.execute((row, delivery.cast_signed()))? as u64)
    }

    fn is_held(&mut self, row: i64, delivery: u64) -> Result<bool, Failure> {
        let mut rows = self.statements.find_pending.query((row, delivery.cast_signed()))?;
        let Some(found) = rows.next()? else { return Ok(false) };
        Ok(found.get_ref("held")? != ValueRef::Null)
    }

    /// Says by how many there are more.
    fn insert_pending(&mut self, run: Uuid, row: i64, pending: &PendingDelivery) -> Result<u64, Failure> {
        let seal = PendingRecord::of(pending).seal(run);
        let delivery = pending.delivery.cast_signed();
        let (step, event_type, event) = (&*pending.step, &*pending.event_type, &*pending.event);
        let whole = params![
            row,
            delivery,
            step,
            event_type,
            pending.attempt,
            pending.sent,
            seal,
            event,
            pending.due.map(|due| due.0),
            pending.held.as_ref().map(Exact),
            pending.gathered,
            pending.done.map(u64::cast_signed),
            pending.added.as_deref(),
        ];
        let inserted = if is_plain(pending) {
            let plain = params![row, delivery, step, event_type, pending.attempt, pending.sent, seal, event];
            self.statements.insert_plain.execute(plain)?
        } else {
            self.statements.insert_pending.execute(whole)?
        };
        if inserted == 1 {
            return Ok(1);
        }
        self.statements.delete_pending.execute((row, delivery))?;
        self.statements.insert_pending.execute(whole)?;
        Ok(0)
    }

    /// Changes what is not the event of a pending delivery. What was damaged in it stays known to be.
    fn update_pending(
        &mut self,
        run: Uuid,
        row: i64,
        delivery: u64,
        change: PendingChange<'_>,
    ) -> Result<(), Failure> {
        let mut rows = self.statements.find_pending.query((row, delivery.cast_signed()))?;
        let Some(found) = rows.next()? else { return Ok(()) };
        let (mut pending, off) = match PendingRecord::read(&Record { row: found, table: Table::Pending, run })
        {
            // It stays as it is, for whoever loads the run: the other runs of the batch must go on.
            Err(Failure::Damaged(_)) => return Ok(()),
            read => read?,
        };
        change.apply(&mut pending);
        let PendingRecord { attempt, sent, due, gathered, done, .. } = pending;
        let seal = pending.seal(run) ^ off;
        let held = pending.held.map(<[u8]>::to_vec);
        let added = pending.added.map(str::to_owned);
        drop(rows);
        let held = held.as_deref().map(|key| ToSqlOutput::Borrowed(column_of_wtf8(key)));
        let due = due.map(|due| due.0);
        self.statements.update_pending.execute(params![
            row,
            delivery.cast_signed(),
            attempt,
            sent,
            seal,
            due,
            held,
            gathered,
            done.map(u64::cast_signed),
            added,
        ])?;
        Ok(())
    }

    /// Gives how many of them the run has open now, as the next does for its keys.
    pub(super) fn change_waits(&mut self, commit: &Commit, live: LiveRun) -> Result<u64, Failure> {
        let LiveRun { row, mut counts, .. } = live;
        let has_ended = commit.status.kind().is_ended();
        if (commit.replaces || has_ended) && counts.waits > 0 {
            delete_all_of(self.connection, "waits", row)?;
            counts.waits = 0;
        }
        if has_ended {
            return Ok(0);
        }
        if let Some(closed) = &commit.closed {
            let deleted = self.statements.delete_wait.execute((row, Exact(closed)))?;
            counts.waits = counts.waits.saturating_sub(deleted as u64);
        }
        for wait in &commit.opened {
            let seal = WaitRecord::of(wait).seal(commit.run);
            let id = Exact(&wait.id);
            let due = wait.due.map(|due| due.0);
            let parameters =
                params![row, id, wait.kind.name(), seal, &*wait.event, due, wait.expiry.as_deref()];
            if self.statements.insert_wait.execute(parameters)? == 1 {
                counts.waits += 1;
            } else {
                // Opened again, it comes last.
                self.statements.delete_wait.execute(params![row, id])?;
                self.statements.insert_wait.execute(parameters)?;
            }
        }
        Ok(counts.waits)
    }

    pub(super) fn change_state(&mut self, commit: &Commit, live: LiveRun) -> Result<u64, Failure> {
        let LiveRun { row, mut counts, .. } = live;
        if commit.replaces && counts.state > 0 {
            delete_all_of(self.connection, "state", row)?;
            counts.state = 0;
        }
        for written in &commit.written {
            let key = Exact(&written.key);
            let Some(value) = &written.after else {
                counts.state =
                    counts.state.saturating_sub(self.statements.delete_state.execute((row, key))? as u64);
                continue;
            };
            let value = column_of(value);
            let seal = seal_of_value(commit.run, written.key.as_wtf8(), written.place, value);
            let (place, value) = (written.place.cast_signed(), ToSqlOutput::Borrowed(value));
            let parameters = params![row, key, place, seal, value];
            // What stood there before tells which is likely to be right.
            let is_there = written.before.is_some() && !commit.replaces;
            if is_there && self.statements.update_state.execute(parameters)? == 1 {
                continue;
            }
            match self.statements.insert_state.execute(parameters)? {
                1 => counts.state += 1,
                _ => {
                    self.statements.update_state.execute(parameters)?;
                }
            }
        }
        Ok(counts.state)
    }

    /// The run goes by other code from now on.
    pub(super) fn change_code(&mut self, commit: &Commit, live: LiveRun) -> Result<LiveRun, Failure> {
        let Some(code) = commit.code.as_ref().filter(|_| commit.version > 1) else { return Ok(live) };
        let mut rows = self.statements.find_run.query([id_text(commit.run, &mut Uuid::encode_buffer())])?;
        let Some(row) = rows.next()? else {
            return Err(Failure::damaged(Table::Runs, commit.run, "the record is not there any more"));
        };
        let record = RunRecord { code: Some(code.clone()), ..RunRecord::read(row, commit.run)? };
        drop(rows);
        self.statements.update_code.execute((live.row, &*code.version, &*code.steps))?;
        Ok(LiveRun { identity: record.identity(), ..live })
    }

    pub(super) fn change_run(&mut self, commit: &Commit, live: LiveRun) -> Result<LiveRun, Failure> {
        let status = commit.status.kind();
        let finished_at = status.is_ended().then(|| live.finished_at.unwrap_or(commit.at));
        let outcome = outcome(commit);
        let changes = status != live.status || status.is_ended() || commit.ending.is_some() || live.has_error;
        if changes {
            let seal = outcome_seal(commit.run, outcome);
            let finished_at = finished_at.map(|at| at.0);
            let parameters = params![live.row, status.name(), finished_at, seal, outcome.0, outcome.1];
            expect_one(commit.run, self.statements.update_run.execute(parameters)?)?;
        }
        let standing = Standing::after(commit, live, finished_at);
        let Counts { pending, waits, state, streamed } = live.counts;
        let parameters = params![
            live.row,
            commit.version.cast_signed(),
            commit.at.0,
            commit.last_delivery.cast_signed(),
            commit.time_remaining.map(u64::cast_signed),
            pending.cast_signed(),
            waits.cast_signed(),
            state.cast_signed(),
            streamed.cast_signed(),
            live.last_history,
            live.carries,
            standing.rest == Rest::Waiting,
            standing.rest.wakes_at().map(|until| until.0),
            standing.seal(live.identity),
        ];
        let progress = match live.version {
            0 => &mut self.statements.insert_progress,
            _ => &mut self.statements.update_progress,
        };
        expect_one(commit.run, progress.execute(parameters)?)?;
        Ok(LiveRun {
            version: commit.version,
            last_delivery: commit.last_delivery,
            status,
            finished_at,
            has_error: outcome.1.is_some(),
            ..live
        })
    }
}

/// A record of a run that was there when it was looked up is there still.
fn expect_one(run: Uuid, changed: usize) -> Result<(), Failure> {
    match changed {
        1 => Ok(()),
        _ => Err(Failure::damaged(Table::Runs, run, "the record is not there any more")),
    }
}

impl Standing {
    fn after(commit: &Commit, live: LiveRun, finished_at: Option<UnixMillis>) -> Self {
        Self {
            version: commit.version,
            status: commit.status.kind(),
            updated_at: commit.at,
            finished_at,
            last_delivery: commit.last_delivery,
            time_remaining: commit.time_remaining,
            counts: live.counts,
            last_history: live.last_history,
            carries: live.carries,
            rest: commit.rest,
        }
    }
}

/// Whether a delivery has nothing but what each has.
pub(super) fn is_plain(pending: &PendingDelivery) -> bool {
    let PendingDelivery { due, held, gathered, done, added, .. } = pending;
    due.is_none() && held.is_none() && !gathered && done.is_none() && added.is_none()
}

/// A run's id as it stands in the file.
pub(super) fn id_text(run: Uuid, buffer: &mut [u8; 45]) -> &str {
    run.hyphenated().encode_lower(buffer)
}
