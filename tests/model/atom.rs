//! Runs a program on two atoms and on their model.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use atomos::{Atom, AtomView, Conflict, Reader, Snapshot, WatchEvent, WatchKey, WeakAtom};

use super::delivery::{Call, Model};
use super::expected::{Expected, Version};
use super::observer::{self, Said, Value, change, of_atom, of_view, panic_quietly, said, state};
use super::program::{Action, By, Kind, Op, Side, VALUES, Verb};
use super::support::Live;
use super::task::Task;

pub(crate) fn run(program: &[Op]) {
    let mut world = World::new();
    for (n, op) in program.iter().enumerate() {
        let (got, expected) = world.step(op);
        assert_eq!(got, expected, "step {n}: {op:?}");
        world.check(&format!("step {n}: {op:?}"));
    }
    world.end();
}

/// What the model has a part of its own for: one atom.
struct Real {
    handles: Vec<Atom<Value>>,
    view: AtomView<Value>,
    reader: (Reader<Value>, Version),
}

/// What watches need to do as they are told.
#[derive(Clone)]
struct Stage {
    live: Live,
    calls: Arc<Mutex<Vec<Call>>>,
    /// Watches are numbered as they are added.
    added: Arc<AtomicU64>,
    weak: [WeakAtom<Value>; 2],
}

struct World {
    atoms: [Real; 2],
    tasks: Vec<Task<Said>>,
    kept: Vec<(Side, Snapshot<Value>)>,
    stage: Stage,
    model: Model,
}

impl World {
    fn new() -> Self {
        let live = Live::new();
        let atoms = [Atom::new(live.value(0)), Atom::new(live.value(0))];
        let weak = atoms.each_ref().map(Atom::downgrade);
        let atoms = atoms.map(|atom| Real {
            view: atom.view(),
            reader: (atom.reader(), 0),
            handles: vec![atom],
        });
        let stage = Stage {
            live,
            calls: Arc::default(),
            added: Arc::default(),
            weak,
        };
        Self {
            atoms,
            tasks: Vec::new(),
            kept: Vec::new(),
            stage,
            model: Model::new(),
        }
    }

    /// What was said, and what the model says.
    fn step(&mut self, op: &Op) -> (Option<Said>, Option<Said>) {
        match *op {
            Op::Write(side, verb, operand) => self.write(side, verb, operand),
            Op::Exchange(side, n, value) => self.exchange(side, n, value),
            Op::Keep(side) => {
                let snapshot = self.atoms[side].view.load();
                self.kept.push((side, snapshot));
                self.agree()
            }
            Op::LetGo(n) => {
                if !self.kept.is_empty() {
                    self.kept.remove(n % self.kept.len());
                }
                self.agree()
            }
            Op::Read(side) => self.read(side),
            Op::Start(side, by, kind) => self.start(side, observer::by(kind, by), kind),
            Op::Poll {
                task,
                by_other_waker,
            } => {
                let alive = |task: &Expected| !task.over || task.is_stream();
                self.poll(task, by_other_waker, alive)
            }
            Op::PollWoken(task) => self.poll(task, false, |task| task.woken),
            Op::Drop(n) => self.drop_task(n),
            Op::Watch(side, key, action) => self.watch(side, key, action),
            Op::Unwatch(side, key) => {
                let removed = self.atoms[side].view.remove_watch(key);
                let expected = self.model.unwatch(side, key);
                (Some(Said::Truth(removed)), Some(Said::Truth(expected)))
            }
            Op::CloneHandle(side) => {
                let weak = self.stage.weak[side].upgrade();
                let open = !self.model.atoms[side].is_closed();
                self.model.atoms[side].handles += usize::from(open);
                let upgraded = weak.is_some();
                self.atoms[side].handles.extend(weak);
                (Some(Said::Truth(upgraded)), Some(Said::Truth(open)))
            }
            Op::ReleaseHandle(side) => {
                if let Some(handle) = self.atoms[side].handles.pop() {
                    drop(handle);
                    self.model.release_handle(side);
                }
                self.agree()
            }
        }
    }

    /// Of what has nothing to say.
    fn agree(&self) -> (Option<Said>, Option<Said>) {
        (None, None)
    }

    fn write(&mut self, side: Side, verb: Verb, operand: u8) -> (Option<Said>, Option<Said>) {
        let Some(atom) = self.atoms[side].handles.last() else {
            return self.agree();
        };
        let live = &self.stage.live;
        let new = || live.value(operand);
        let got = said(|| match verb {
            Verb::Reset => state(&atom.reset(new())),
            Verb::ResetVals => change(&atom.reset_vals(new())),
            Verb::Swap => state(&atom.swap(|_| new())),
            Verb::SwapVals => change(&atom.swap_vals(|_| new())),
            Verb::SwapIf => {
                let swapped = atom.swap_if(|value| (**value != operand).then(new));
                swapped.map_or(Said::Nothing, |new| state(&new))
            }
            Verb::TrySwap => {
                let fits = |value: &Value| (**value != operand).then(new).ok_or(());
                atom.try_swap(fits).map_or(Said::Nothing, |new| state(&new))
            }
            Verb::Modify => Said::Mapped(atom.modify(|value| (new(), **value))),
            Verb::CompareAndSet => {
                let next = live.value((operand + 1) % VALUES);
                Said::Truth(atom.compare_and_set(&new(), next))
            }
            Verb::Panic => state(&atom.swap(|_| panic_quietly())),
        });
        (Some(got), Some(self.written(side, verb, operand)))
    }

    /// The model of `write`.
    fn written(&mut self, side: Side, verb: Verb, operand: u8) -> Said {
        let model = &mut self.model;
        let (version, value) = (model.atoms[side].version(), model.atoms[side].value());
        let (new, differs) = (Said::State(version + 1), value != operand);
        match verb {
            Verb::Reset | Verb::Swap => model.commit(side, operand, new),
            Verb::ResetVals | Verb::SwapVals => {
                model.commit(side, operand, Said::Change(version, version + 1))
            }
            Verb::SwapIf | Verb::TrySwap if differs => model.commit(side, operand, new),
            Verb::SwapIf | Verb::TrySwap => Said::Nothing,
            Verb::Modify => model.commit(side, operand, Said::Mapped(value)),
            Verb::CompareAndSet if differs => Said::Truth(false),
            Verb::CompareAndSet => model.commit(side, (operand + 1) % VALUES, Said::Truth(true)),
            Verb::Panic => Said::Panicked,
        }
    }

    fn exchange(&mut self, side: Side, n: usize, value: u8) -> (Option<Said>, Option<Said>) {
        let Some(atom) = self.atoms[side].handles.last() else {
            return self.agree();
        };
        if self.kept.is_empty() {
            return self.agree();
        }
        let (seen_side, seen) = &self.kept[n % self.kept.len()];
        let live = &self.stage.live;
        let got = said(|| match atom.compare_exchange(seen, live.value(value)) {
            Ok(new) => state(&new),
            Err(Conflict { current, rejected }) => {
                assert_eq!(*rejected, value);
                Said::Change(Snapshot::version(&current), Snapshot::version(&current))
            }
        });
        let now = self.model.atoms[side].version();
        let is_current = (*seen_side, Snapshot::version(seen)) == (side, now);
        let expected = match is_current {
            true => self.model.commit(side, value, Said::State(now + 1)),
            false => Said::Change(now, now),
        };
        (Some(got), Some(expected))
    }

    fn read(&mut self, side: Side) -> (Option<Said>, Option<Said>) {
        let real = &mut self.atoms[side];
        let atom = &self.model.atoms[side];
        real.reader.1 = atom.version();
        let got = state(real.reader.0.snapshot());
        (Some(got), Some(Said::State(atom.version())))
    }

    fn start(&mut self, side: Side, by: By, kind: Kind) -> (Option<Said>, Option<Said>) {
        let atom = self.atoms[side].handles.last();
        if self.tasks.len() >= 12 || (by == By::Atom && atom.is_none()) {
            return self.agree();
        }
        let seen = match (kind, self.kept.len()) {
            (Kind::ChangedSince(n), 1..) => self.kept[n % self.kept.len()].clone(),
            _ => (side, self.atoms[side].view.load()),
        };
        let named = (seen.0, Snapshot::version(&seen.1));
        let named = matches!(kind, Kind::ChangedSince(_)).then_some(named);
        let polled = match atom {
            Some(atom) if by == By::Atom => of_atom(atom, kind, seen.1, &self.stage.live),
            _ => of_view(&self.atoms[side].view, kind, seen.1),
        };
        self.tasks.push(Task::new(polled));
        self.model.start(Expected::new(side, by, kind, named));
        self.agree()
    }

    /// Polls one of those that are `due`.
    fn poll(
        &mut self,
        n: usize,
        by_other_waker: bool,
        due: fn(&Expected) -> bool,
    ) -> (Option<Said>, Option<Said>) {
        let due: Vec<usize> = (0..self.tasks.len())
            .filter(|n| due(&self.model.tasks[*n]))
            .collect();
        if due.is_empty() {
            return self.agree();
        }
        let n = due[n % due.len()];
        let got = match self.tasks[n].poll(by_other_waker) {
            std::task::Poll::Ready(said) => Some(said),
            std::task::Poll::Pending => None,
        };
        (got, self.model.poll(n))
    }

    fn drop_task(&mut self, n: usize) -> (Option<Said>, Option<Said>) {
        if !self.tasks.is_empty() {
            let n = n % self.tasks.len();
            self.tasks[n].drop_future();
            self.model.end(n);
            self.tasks.remove(n);
            self.model.tasks.remove(n);
        }
        self.agree()
    }

    fn watch(&mut self, side: Side, key: u64, action: Action) -> (Option<Said>, Option<Said>) {
        let number = self.model.next_watch();
        self.model.watch(side, key, action);
        self.stage.watch(&self.atoms[side].view, side, key, action);
        let added = self.stage.added.load(Ordering::SeqCst);
        (Some(Said::Missed(added)), Some(Said::Missed(number)))
    }

    fn check(&self, at: &str) {
        let calls = self.stage.calls.lock().expect("no panic under it").clone();
        assert_eq!(calls, self.model.calls, "{at}: calls of watches");
        for (task, expected) in self.tasks.iter().zip(&self.model.tasks) {
            if expected.over {
                assert_eq!(task.wakers_kept(), (0, 0), "{at}: {expected:?}");
                continue;
            }
            assert_eq!(task.is_woken(), expected.woken, "{at}: woken: {expected:?}");
            let kept = (usize::from(expected.parked), 0);
            assert_eq!(task.wakers_kept(), kept, "{at}: wakers: {expected:?}");
        }
        for (real, atom) in self.atoms.iter().zip(&self.model.atoms) {
            let now = real.view.load();
            let got = (Snapshot::version(&now), **now);
            assert_eq!(got, (atom.version(), atom.value()), "{at}");
            assert_eq!(real.view.version(), atom.version(), "{at}");
            assert_eq!(real.view.is_closed(), atom.is_closed(), "{at}");
            let keys: Vec<_> = atom.keys().into_iter().map(WatchKey::from).collect();
            assert_eq!(real.view.watch_keys(), keys, "{at}");
        }
        assert_eq!(
            self.stage.live.count(),
            self.alive().len(),
            "{at}: values alive"
        );
    }

    /// Every value that can still be reached.
    fn alive(&self) -> HashSet<(Side, Version)> {
        let mut alive = self.model.kept();
        alive.extend((self.kept.iter()).map(|(side, kept)| (*side, Snapshot::version(kept))));
        for (side, atom) in self.model.atoms.iter().enumerate() {
            alive.extend([(side, atom.version()), (side, self.atoms[side].reader.1)]);
        }
        alive
    }

    /// Everything is dropped: nothing is left.
    fn end(self) {
        let live = self.stage.live.clone();
        drop(self);
        assert_eq!(live.count(), 0, "values alive at the end");
    }
}

impl Stage {
    fn watch(&self, view: &AtomView<Value>, side: Side, key: u64, action: Action) {
        let number = self.added.fetch_add(1, Ordering::SeqCst) + 1;
        let stage = self.clone();
        view.add_watch(key, move |event| stage.called(event, side, number, action));
    }

    fn called(&self, event: &WatchEvent<'_, Value>, side: Side, number: u64, action: Action) {
        let (old, new) = (Snapshot::version(event.old), Snapshot::version(event.new));
        let call = (side, number, old, new);
        self.calls.lock().expect("no panic under it").push(call);
        let value = ***event.new;
        match action {
            Action::Raise(when) if when == value => self.write(side, value + 1),
            Action::Forward if side == 0 => self.write(1, value),
            Action::Unwatch(key) => drop(event.atom.remove_watch(key)),
            Action::Watch(key) => self.watch(event.atom, side, key, Action::Log),
            Action::Panic(when) if when == value => panic_quietly(),
            _ => {}
        }
    }

    fn write(&self, side: Side, value: u8) {
        if let Some(atom) = self.weak[side].upgrade() {
            atom.reset(self.live.value(value));
        }
    }
}
