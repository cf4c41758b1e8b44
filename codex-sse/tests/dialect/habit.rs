//! The habits of servers other than OpenAI's, and test cases with some of them.

use super::generate::Response;
use super::rng::Rng;
use super::stream::{Event, Source, canonical};
use super::{addresses, final_output, reshape, sources};

/// One habit of a server. It changes the events but not the response they transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Habit {
    SourcesLeftOut,
    AddedFilled,
    PartsMislabeled,
    HalfCharacters,
    DonesRepeated,
    CreatedMissing,
    ItemsRepeated,
    ItemsBegunAgain,
    NumbersDropped,
    NumbersZero,
    NumbersRestart,
    NumbersLowAtEnd,
    NumbersPerKind,
    FinalEmpty,
    FinalNull,
    FinalPartial,
    FinalReordered,
    FinalRenamed,
    FinalWithoutIds,
    FinalCallIds,
    IdsDropped,
    IdsDroppedInItems,
    IdsChange,
    IdsPerKind,
    IdsOfCalls,
    IndexesDropped,
    IndexesShifted,
    IndexesWithGaps,
    IndexesZero,
    PartIndexesDropped,
    PartIndexesZero,
    PartIndexesMinusOne,
    EnvelopeFlat,
    Heartbeats,
}

use Habit::*;

/// Habits that exclude each other share a family. Every family is equally likely.
pub(crate) const FAMILIES: [&[Habit]; 14] = [
    &[SourcesLeftOut],
    &[AddedFilled],
    &[PartsMislabeled],
    &[HalfCharacters],
    &[DonesRepeated],
    &[CreatedMissing],
    &[ItemsRepeated, ItemsBegunAgain],
    &[
        NumbersDropped,
        NumbersZero,
        NumbersRestart,
        NumbersLowAtEnd,
        NumbersPerKind,
    ],
    &[
        FinalEmpty,
        FinalNull,
        FinalPartial,
        FinalReordered,
        FinalRenamed,
        FinalWithoutIds,
        FinalCallIds,
    ],
    &[
        IdsDropped,
        IdsDroppedInItems,
        IdsChange,
        IdsPerKind,
        IdsOfCalls,
    ],
    &[IndexesDropped, IndexesShifted, IndexesWithGaps, IndexesZero],
    &[PartIndexesDropped, PartIndexesZero, PartIndexesMinusOne],
    &[EnvelopeFlat],
    &[Heartbeats],
];

/// A response and the events that a server with these habits sends.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) response: Response,
    pub(crate) habits: Vec<Habit>,
    pub(crate) events: Vec<Event>,
    /// The indexes of the items in the final output, in its order.
    pub(crate) listed: Vec<usize>,
    /// Repeated events carry the sequence numbers of the original ones.
    pub(crate) repeats_numbers: bool,
}

impl Case {
    /// Creates a case with one to three habits.
    pub(crate) fn random(rng: &mut Rng<'_>) -> Self {
        let mut families = FAMILIES;
        let count = 1 + rng.below(3);
        rng.shuffle(&mut families);
        let mut habits: Vec<Habit> = families[..count]
            .iter()
            .map(|family| rng.pick(family))
            .collect();
        habits.sort();
        Self::with_habits(rng, habits)
    }

    /// Creates a case with these habits, which must be sorted and of different families.
    pub(crate) fn with_habits(rng: &mut Rng<'_>, habits: Vec<Habit>) -> Self {
        let response = Response::random(rng);
        let events = canonical(&response, rng);
        let listed = final_output::listed(&response, &events, &habits, rng);
        let mut case = Self {
            response,
            habits,
            events,
            listed,
            repeats_numbers: false,
        };
        for habit in case.habits.clone() {
            if habit > ItemsBegunAgain {
                break;
            }
            case.reshape(habit, rng);
        }
        case.number_and_repeat(rng);
        final_output::write(&mut case, rng);
        for habit in case.habits.clone() {
            case.respell(habit, rng);
        }
        case
    }

    pub(crate) fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    pub(crate) fn has_any(&self, habits: &[Habit]) -> bool {
        habits.iter().any(|habit| self.has(*habit))
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.events.iter().map(Event::line).collect()
    }

    /// Returns whether an event of this source about the item is sent, not counting repetitions.
    pub(crate) fn sends(&self, item: usize, source: Source) -> bool {
        self.events
            .iter()
            .any(|event| event.item == Some(item) && event.source == source && !event.repeated)
    }

    /// Returns whether each text of the item has deltas.
    pub(crate) fn has_deltas(&self, item: usize) -> bool {
        self.response.items[item]
            .texts
            .iter()
            .enumerate()
            .all(|(at, _)| {
                self.events.iter().any(|event| {
                    event.item == Some(item)
                        && event.text == Some(at)
                        && event.source == Source::Delta
                })
            })
    }

    /// Applies a habit that adds, removes or refills events.
    fn reshape(&mut self, habit: Habit, rng: &mut Rng<'_>) {
        match habit {
            SourcesLeftOut => sources::leave_out(self, rng),
            AddedFilled => reshape::fill_added(self, rng),
            PartsMislabeled => reshape::mislabel_parts(self),
            HalfCharacters => reshape::cut_characters(self),
            DonesRepeated => reshape::repeat_dones(self, rng),
            CreatedMissing => {
                let both = rng.below(2) == 0;
                self.events.retain(|event| {
                    event.source != Source::Created && !(both && event.source == Source::InProgress)
                });
            }
            _ => {}
        }
    }

    fn number_and_repeat(&mut self, rng: &mut Rng<'_>) {
        let repeats = self.has(ItemsRepeated) || self.has(ItemsBegunAgain);
        self.repeats_numbers = repeats && rng.below(2) == 0;
        if self.repeats_numbers {
            addresses::number(&mut self.events);
        }
        if repeats {
            reshape::repeat_items(self, rng);
        }
        if !self.repeats_numbers {
            addresses::number(&mut self.events);
        }
    }

    /// Applies a habit that changes the fields which address events, or their framing.
    fn respell(&mut self, habit: Habit, rng: &mut Rng<'_>) {
        match habit {
            NumbersDropped | NumbersZero | NumbersRestart | NumbersLowAtEnd | NumbersPerKind => {
                addresses::renumber(&mut self.events, habit, rng);
            }
            IdsDropped | IdsDroppedInItems | IdsChange | IdsPerKind | IdsOfCalls => {
                addresses::rename(self, habit, rng);
            }
            IndexesDropped | IndexesShifted | IndexesWithGaps | IndexesZero => {
                addresses::move_items(&mut self.events, habit, rng);
            }
            PartIndexesDropped | PartIndexesZero | PartIndexesMinusOne => {
                addresses::move_parts(&mut self.events, habit);
            }
            EnvelopeFlat => reshape::flatten_envelopes(&mut self.events),
            Heartbeats => reshape::add_heartbeats(&mut self.events, rng),
            _ => {}
        }
    }
}
