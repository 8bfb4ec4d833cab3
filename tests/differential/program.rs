//! A program of random verbs on a cell and on its model.

use atomos::{Atomic, Primitive};

use crate::{parked::Parked, random::Random};

const PROGRAMS: u64 = 4;
const STEPS: usize = 3_000;

/// What behaves as the cell should.
pub(crate) trait Model {
    type Value: Primitive;

    fn new(value: Self::Value) -> Self;
    fn value(&self) -> Self::Value;
    /// Takes over what the language leaves open: which NaN, which zero.
    fn adopt(&self, value: Self::Value);

    /// Tells apart what `==` does not.
    fn bits(value: Self::Value) -> u64;
    /// A value to start with, to set, to compare with.
    fn random(random: &mut Random) -> Self::Value;
    /// A wait of a random kind, with its condition.
    fn park<'a>(cell: &'a Atomic<Self::Value>, random: &mut Random) -> Parked<'a, Self::Value>;
}

/// What a verb says: `Ok` where it changed something or cannot fail.
pub(crate) type Said<T> = Result<T, T>;

/// What the language leaves open about a value, so that cell and model need not agree in it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Open {
    Nothing,
    /// Which NaN it is.
    Nan,
    /// Which NaN or which zero it is.
    NanOrZero,
}

/// A verb and its two operands, called on both.
pub(crate) struct Verb<M: Model> {
    pub(crate) name: &'static str,
    /// What is open about the result, and about the value that is left in the cell.
    pub(crate) open: (Open, Open),
    pub(crate) call: Call<M>,
}

pub(crate) type Call<M> = fn(
    &Atomic<<M as Model>::Value>,
    &M,
    <M as Model>::Value,
    <M as Model>::Value,
) -> (Said<<M as Model>::Value>, Said<<M as Model>::Value>);

/// A table of verbs: the name, what is open if anything is, and the calls on the cell and on the
/// model.
macro_rules! verbs {
    (
        |$cell:ident, $model:ident, $x:ident, $y:ident|
        $($name:ident $(($result:ident, $left:ident))?: $said:expr, $expected:expr;)*
    ) => {
        &[$($crate::program::Verb {
            name: stringify!($name),
            open: $crate::program::verbs!(@open $($result, $left)?),
            call: |$cell, $model, $x, $y| {
                let _ = ($x, $y);
                ($said, $expected)
            },
        }),*]
    };
    (@open) => { ($crate::program::Open::Nothing, $crate::program::Open::Nothing) };
    (@open $result:ident, $left:ident) => {
        ($crate::program::Open::$result, $crate::program::Open::$left)
    };
}
pub(crate) use verbs;

/// A truth as something that was said.
pub(crate) fn yes<T>(truth: bool, value: T) -> Said<T> {
    if truth { Ok(value) } else { Err(value) }
}

/// Runs all programs, with nobody waiting and with waits of all kinds.
pub(crate) fn run<M: Model>(verbs: &[Verb<M>]) {
    for seed in 0..PROGRAMS {
        program(verbs, seed, 0);
        program(verbs, seed, 5);
    }
}

fn program<M: Model>(verbs: &[Verb<M>], seed: u64, waits: usize) {
    let random = &mut Random::new(seed);
    let start = M::random(random);
    let (cell, model) = (Atomic::new(start), M::new(start));
    let mut parked: Vec<_> = (0..waits).map(|_| M::park(&cell, random)).collect();
    for step in 0..STEPS {
        let verb = &verbs[random.below(verbs.len())];
        let (x, y) = (operand(&model, random), operand(&model, random));
        let before = model.value();
        let (said, expected) = (verb.call)(&cell, &model, x, y);
        let at = || {
            let name = verb.name;
            format!("seed {seed}, step {step}: {name}({x:?}, {y:?}) on {before:?}")
        };
        let agrees = agree::<M>(verb.open.0, said, expected);
        assert!(agrees, "{}: {said:?}, not {expected:?}", at());
        let (now, should) = (cell.get(), model.value());
        let agrees = agree::<M>(verb.open.1, Ok(now), Ok(should));
        assert!(agrees, "{}: left {now:?}, not {should:?}", at());
        model.adopt(now);
        for wait in &mut parked {
            let satisfied = wait.is_satisfied_by(now);
            assert_eq!(wait.is_woken(), satisfied, "{}: {}", at(), wait.name);
            if satisfied {
                let given = wait.take();
                assert_eq!(M::bits(given), M::bits(now), "{}: {}", at(), wait.name);
                *wait = M::park(&cell, random);
            }
        }
    }
    drop(parked);
    assert_eq!(M::bits(cell.into_inner()), M::bits(model.value()));
}

/// Often the current value, so that comparing verbs succeed.
fn operand<M: Model>(model: &M, random: &mut Random) -> M::Value {
    if random.one_in(3) {
        model.value()
    } else {
        M::random(random)
    }
}

fn agree<M: Model>(open: Open, a: Said<M::Value>, b: Said<M::Value>) -> bool {
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) | (Err(a), Err(b)) => (a, b),
        _ => return false,
    };
    let same_nan = a.ne(&a) && b.ne(&b);
    M::bits(a) == M::bits(b)
        || (open != Open::Nothing && same_nan)
        || (open == Open::NanOrZero && a == b)
}
