//! A chart in the characters of a terminal: a panel for each device, on one scale, in braille dots.
//! Colours are not needed to tell them apart.

use super::{Axis, Drawing, DrawnLine, Kind, Point};
use crate::readings::Cell;
use crate::text::{columns, fitting};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Color;
use ratatui_core::symbols::Marker;
use ratatui_core::widgets::Widget;
use ratatui_widgets::canvas::{Canvas, Line};
use ratatui_widgets::sparkline::Sparkline;

/// How many rows a panel has: where there are few devices, and where there are many.
const ROWS: [u16; 2] = [8, 5];
/// How many devices are few.
const FEW: usize = 3;
/// How many values the axis names in a panel, at most.
const STEPS: usize = 3;
/// The least that a plot is wide.
const NARROWEST: u16 = 20;

/// The chart in lines of at most so many columns, each with its end; what a device measured has a
/// panel, what it saw move a row.
pub fn terminal(drawing: &Drawing, width: u16) -> String {
    let axis = drawing.axis(STEPS);
    let panels = Panels { drawing, width, gutter: gutter(drawing, &axis), axis };
    let mut text = String::new();
    for line in &drawing.lines {
        text += &panels.panel(line);
    }
    text + &panels.ticks()
}

/// How many columns stand before what is drawn: the values, and the line that they belong to.
fn gutter(drawing: &Drawing, axis: &Axis) -> u16 {
    if drawing.kind == Kind::Motion {
        return 0;
    }
    let labels = axis.steps.iter().map(|step| axis.label(*step).len() as u16);
    labels.max().unwrap_or_default() + 2
}

/// What all panels have in common.
struct Panels<'a> {
    drawing: &'a Drawing,
    axis: Axis,
    width: u16,
    gutter: u16,
}

impl Panels<'_> {
    fn plot_width(&self) -> u16 {
        self.width.saturating_sub(self.gutter).max(NARROWEST)
    }

    /// The name of a device and its lowest and highest value, then what is drawn.
    fn panel(&self, line: &DrawnLine) -> String {
        let about = about(line, self.drawing.kind, &self.axis);
        let room = usize::from(self.width).saturating_sub(columns(&about) + 2);
        let name = fitting(&line.name, room);
        let rows = match self.drawing.kind {
            Kind::Motion => self.moves(line),
            Kind::Level | Kind::Relative | Kind::Counter => self.levels(line),
        };
        let rows: String = rows.iter().map(|row| format!("{}\n", row.trim_end())).collect();
        format!("{name}  {about}\n{rows}")
    }

    fn levels(&self, line: &DrawnLine) -> Vec<String> {
        let height = ROWS[usize::from(self.drawing.lines.len() > FEW)];
        let canvas = Canvas::default().marker(Marker::Braille).x_bounds([0.0, 1.0]);
        let canvas = canvas.y_bounds([0.0, 1.0]).paint(|context| {
            self.segments(line).iter().for_each(|segment| context.draw(segment));
        });
        let rows = rendered(canvas, self.plot_width(), height);
        let steps = self.axis.steps.iter().map(|step| {
            let row = (1.0 - self.axis.position(*step)) * f64::from(height - 1);
            (row.round() as usize, self.axis.label(*step))
        });
        let steps: Vec<_> = steps.collect();
        let gutter = usize::from(self.gutter) - 1;
        let labelled = |(at, row): (usize, String)| match steps.iter().find(|(row, _)| *row == at) {
            Some((_, label)) => format!("{label:>gutter$}┤{row}"),
            None => format!("{:>gutter$}│{row}", ""),
        };
        rows.into_iter().enumerate().map(labelled).collect()
    }

    /// From lowest to highest at each point, and from each mean to the next of its run.
    fn segments(&self, line: &DrawnLine) -> Vec<Line> {
        let x = |point: &Point| self.drawing.position(point.at);
        let y = |value: f64| self.axis.position(value);
        let points = line.runs.iter().flatten();
        let bands = points.map(|it| [x(it), y(it.cell.low), x(it), y(it.cell.high)]);
        let means = line
            .runs
            .iter()
            .flat_map(|run| run.windows(2))
            .map(|two| [x(&two[0]), y(two[0].cell.mean()), x(&two[1]), y(two[1].cell.mean())]);
        let segment = |[x1, y1, x2, y2]: [f64; 4]| Line { x1, y1, x2, y2, color: Color::Reset };
        bands.chain(means).map(segment).collect()
    }

    /// A row of blocks, as high as much was seen in each column.
    fn moves(&self, line: &DrawnLine) -> Vec<String> {
        let width = self.plot_width();
        let mut counts = vec![0_u64; usize::from(width)];
        for Point { at, cell } in line.runs.iter().flatten() {
            counts[self.column(self.drawing.position(*at))] += cell.count;
        }
        rendered(Sparkline::default().data(&counts), width, 1)
    }

    fn column(&self, position: f64) -> usize {
        let last = f64::from(self.plot_width() - 1);
        (position * last).round() as usize
    }

    /// The moments below the last panel, as many as there is room for.
    fn ticks(&self) -> String {
        let (mut text, gutter) = (String::new(), usize::from(self.gutter));
        for tick in &self.drawing.ticks {
            let label = fitting(&tick.label, 20);
            let middle = gutter + self.column(self.drawing.position(tick.at));
            let most = usize::from(self.width).saturating_sub(columns(&label));
            let start = middle.saturating_sub(columns(&label) / 2).min(most);
            let before = columns(&text);
            if before == 0 || before + 2 <= start {
                text += &" ".repeat(start.saturating_sub(before));
                text += &label;
            }
        }
        if text.is_empty() { text } else { text + "\n" }
    }
}

/// What a line amounts to, in words.
fn about(line: &DrawnLine, kind: Kind, axis: &Axis) -> String {
    let mut total = None;
    let cells = line.runs.iter().flatten().map(|point| &point.cell);
    cells.for_each(|cell| Cell::add_to(&mut total, cell));
    match (total, kind) {
        (None, _) => "nothing".to_owned(),
        (Some(Cell { count, .. }), Kind::Motion) => format!("{count} movements"),
        (Some(Cell { low, high, .. }), _) => {
            format!("{} to {}", axis.exact(low), axis.exact(high))
        }
    }
}

fn rendered(widget: impl Widget, width: u16, height: u16) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    widget.render(area, &mut buffer);
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect();
    (0..height).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;
    use crate::readings::Range;
    use crate::readings::days::Tick;
    use chrono::{DateTime, Utc};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + hour * 3600, 0).unwrap()
    }

    fn drawing(kind: Kind, points: &[&[(i64, f64)]]) -> Drawing {
        let point = |(hour, value): &(i64, f64)| Point { at: at(*hour), cell: Cell::of(*value) };
        let line = |(position, run): (usize, &&[(i64, f64)])| DrawnLine {
            name: "寝室\u{1b}[2J".to_owned(),
            mark: Mark::of(position),
            runs: vec![run.iter().map(point).collect()],
        };
        Drawing {
            name: "Temperature".to_owned(),
            range: Range::new(at(0), at(24)).unwrap(),
            kind,
            lines: points.iter().enumerate().map(line).collect(),
            ticks: [0, 6, 7, 12, 24]
                .map(|hour| Tick { at: at(hour), label: hour.to_string(), major: false })
                .into(),
            nights: Vec::new(),
        }
    }

    #[test]
    fn a_line_is_drawn_in_dots_beside_its_values() {
        let text = terminal(&drawing(Kind::Level, &[&[(0, 10.0), (12, 20.0), (24, 10.0)]]), 40);
        assert!(text.lines().all(|line| columns(line) <= 40), "{text}");
        let rows: Vec<_> = text.lines().collect();
        assert_eq!((rows[0], rows.len()), ("寝室\\u{1b}[2J  10 to 20", 10), "{text}");
        assert!(rows[1..9].iter().all(|row| row.contains(['│', '┤'])), "{text}");
        let dots =
            |row: &str| row.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
        let (top, bottom) = (dots(rows[1]) + dots(rows[2]), dots(rows[7]) + dots(rows[8]));
        assert!(top > 0 && bottom > 0, "from the lowest to the highest: {text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn movements_are_blocks_in_a_row() {
        let text = terminal(&drawing(Kind::Motion, &[&[(0, 1.0), (24, 1.0)], &[]]), 40);
        let rows: Vec<_> = text.lines().collect();
        assert_eq!(rows[0], "寝室\\u{1b}[2J  2 movements");
        assert_eq!(rows[1], format!("█{}█", " ".repeat(38)));
        assert_eq!(rows[2], "寝室\\u{1b}[2J  nothing");
        assert_eq!(rows[4], format!("0{}6{}12{}24", " ".repeat(9), " ".repeat(8), " ".repeat(17)));
    }
}
