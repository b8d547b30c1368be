//! What the documents of `nature-remo:` have of fields.

use super::fields::{Events, Scalar};
use serde::Deserialize;

/// All that any of the forms has, of whatever types.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) device_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) appliance_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) name: Scalar<'a>,
    #[serde(borrow)]
    pub(super) request_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) created_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) newest_events: Events<'a>,
    #[serde(borrow)]
    pub(super) temperature_offset: Scalar<'a>,
    #[serde(borrow)]
    pub(super) humidity_offset: Scalar<'a>,
    #[serde(borrow)]
    pub(super) online: Scalar<'a>,
    #[serde(borrow)]
    pub(super) kind: Scalar<'a>,
    #[serde(borrow)]
    pub(super) val: Scalar<'a>,
    #[serde(borrow)]
    pub(super) power_w: Scalar<'a>,
    #[serde(borrow)]
    pub(super) bought_kwh: Scalar<'a>,
    #[serde(borrow)]
    pub(super) sold_kwh: Scalar<'a>,
}

/// The names of all these.
pub(super) const FIELDS: &[&str] = &[
    "device_id",
    "appliance_id",
    "name",
    "request_at",
    "updated_at",
    "created_at",
    "temperature_offset",
    "humidity_offset",
    "online",
    "kind",
    "val",
    "power_w",
    "bought_kwh",
    "sold_kwh",
    "newest_events",
];

impl<'a> Fields<'a> {
    /// The field of this place in [`FIELDS`], but for the events.
    pub(super) fn slot(&mut self, number: usize) -> Option<&mut Scalar<'a>> {
        Some(match number {
            0 => &mut self.device_id,
            1 => &mut self.appliance_id,
            2 => &mut self.name,
            3 => &mut self.request_at,
            4 => &mut self.updated_at,
            5 => &mut self.created_at,
            6 => &mut self.temperature_offset,
            7 => &mut self.humidity_offset,
            8 => &mut self.online,
            9 => &mut self.kind,
            10 => &mut self.val,
            11 => &mut self.power_w,
            12 => &mut self.bought_kwh,
            13 => &mut self.sold_kwh,
            _ => return None,
        })
    }
}
