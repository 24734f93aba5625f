//! The figures as pictures: SVG that reads on white and on dark.

use std::path::Path;

use anyhow::Context;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, Rectangle, Text};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::document::figures::number;
use super::document::results::{Results, Round, Spread, Subject};

/// Width of a picture, pixels.
const WIDTH: u32 = 780;
/// Height of one server's row.
const ROW: u32 = 28;
/// Place for the names of the servers.
const NAMES: u32 = 250;
/// Place for the title, and for the axis.
const TITLE: u32 = 34;
const AXIS: u32 = 34;
/// Place for the figure after a bar.
const FIGURE: u32 = 70;

/// Greys that can be read on white and on dark; a style sheet in the picture makes the text lighter or darker.
const TEXT: RGBColor = RGBColor(110, 119, 129);
const GRID: RGBColor = RGBColor(140, 149, 159);
const FOUNDATION: RGBColor = RGBColor(140, 149, 159);
const SERVICE: RGBColor = RGBColor(56, 132, 227);
const PEER: RGBColor = RGBColor(217, 130, 43);

/// The style sheet: text as dark, or as light, as the page's own.
const STYLE: &str =
    "<style>text{fill:#57606a}@media(prefers-color-scheme:dark){text{fill:#b1bac4}}</style>";

/// A server's row: name, colour, figures.
struct Row<'a, const FIGURES: usize> {
    title: &'a str,
    colour: RGBColor,
    figures: [Spread; FIGURES],
}

/// Draws all pictures into `folder`.
///
/// # Errors
/// When a picture cannot be drawn or written.
pub fn draw(results: &Results, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let write = |name: &str, title: &str, svg: anyhow::Result<String>| {
        let svg = finish(svg?, title, results);
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, svg).with_context(|| path.display().to_string())
    };
    for (route, path) in [("root", "/"), ("chain", "/chain")] {
        let title = format!("Requests a second on {path}: more is better");
        let rows = rows(results, route, [|it: &Round| it.requests_per_second]);
        write(&format!("{route}-requests"), &title, bars(&rows, &title))?;
        let title = format!("CPU time of a request to {path}, µs: less is better");
        let rows = self::rows(results, route, [|it: &Round| it.cpu_us]);
        write(&format!("{route}-cpu"), &title, dots(&rows, &title))?;
        let title = format!("Time until the answer from {path}, ms: median and 99 %");
        let rows = self::rows(
            results,
            route,
            [|it: &Round| it.p50_ms, |it: &Round| it.p99_ms],
        );
        write(&format!("{route}-latency"), &title, dots(&rows, &title))?;
    }
    let title = "Resident memory of one server after load on /, MiB";
    let rows = rows(results, "root", [|it: &Round| it.resident_mib]);
    write("memory", title, bars(&rows, title))
}

fn rows<'a, const FIGURES: usize>(
    results: &'a Results,
    route: &str,
    figures: [fn(&Round) -> f64; FIGURES],
) -> Vec<Row<'a, FIGURES>> {
    let row = |subject: &'a Subject| {
        let scenario = subject.scenario(route)?;
        // A scenario without rounds has no figures, and no row.
        scenario.spread(figures[0])?;
        let empty = Spread {
            median: 0.0,
            least: 0.0,
            most: 0.0,
        };
        Some(Row {
            title: &subject.title,
            colour: match subject.name.as_str() {
                "hyper" | "salvo" => FOUNDATION,
                "metrics" | "logs" | "sampled" | "everything" => SERVICE,
                _ => PEER,
            },
            figures: figures.map(|figure| scenario.spread(figure).unwrap_or(empty)),
        })
    };
    results.subjects.iter().filter_map(row).collect()
}

/// What plotters drew, with a title for who cannot see it, the style sheet, and the run that it shows.
fn finish(svg: String, title: &str, results: &Results) -> String {
    let head = format!(
        "<title>{title}</title>\n<!-- measured {} -->\n{STYLE}\n",
        results.measured
    );
    match svg.split_once(">\n") {
        Some((open, rest)) => format!("{open}>\n{head}{rest}"),
        None => svg,
    }
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&TEXT)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// A picture with a title and place for rows.
fn picture(
    rows: usize,
    title: &str,
    draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    let size = (WIDTH, TITLE + ROW * rows as u32 + AXIS);
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.draw(&Text::new(title.to_owned(), (8, 10), text(15)))?;
    draw(&area)?;
    area.present()?;
    drop(area);
    Ok(svg)
}

/// The place of the rows in a picture.
fn frame<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(area);
    chart
        .margin_top(TITLE)
        .margin_right(FIGURE)
        .set_label_area_size(LabelAreaPosition::Left, NAMES)
        .set_label_area_size(LabelAreaPosition::Bottom, AXIS);
    chart
}

/// A bar for each server, from zero, with the figure after it and a line from the least to the most.
fn bars(rows: &[Row<'_, 1>], title: &str) -> anyhow::Result<String> {
    let most = rows
        .iter()
        .map(|row| row.figures[0].most)
        .fold(1.0, f64::max);
    picture(rows.len(), title, |area| {
        let mut chart = frame(area).build_cartesian_2d(0.0..most, rows.len() as f64..0.0)?;
        mesh(&mut chart)?;
        for (at, row) in rows.iter().enumerate() {
            let middle = at as f64 + 0.5;
            let figure = row.figures[0];
            let bar = [(0.0, middle - 0.32), (figure.median, middle + 0.32)];
            chart.draw_series([Rectangle::new(bar, row.colour.filled())])?;
            let spread = vec![(figure.least, middle), (figure.most, middle)];
            chart.draw_series([PathElement::new(spread, TEXT.stroke_width(2))])?;
            name(
                area,
                &chart.plotting_area().map_coordinate(&(0.0, middle)),
                row.title,
            )?;
            let (x, y) = chart
                .plotting_area()
                .map_coordinate(&(figure.most.max(figure.median), middle));
            let style = text(13).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(number(figure.median), (x + 6, y), style))?;
        }
        Ok(())
    })
}

/// A dot for each figure of each server on a logarithmic scale, joined by a line.
fn dots<const FIGURES: usize>(rows: &[Row<'_, FIGURES>], title: &str) -> anyhow::Result<String> {
    let medians = || rows.iter().flat_map(|row| row.figures.map(|it| it.median));
    let least = 10_f64.powf(medians().fold(f64::MAX, f64::min).log10().floor());
    let most = 10_f64.powf(medians().fold(0.0, f64::max).log10().ceil());
    picture(rows.len(), title, |area| {
        let mut chart =
            frame(area).build_cartesian_2d((least..most).log_scale(), rows.len() as f64..0.0)?;
        mesh(&mut chart)?;
        for (at, row) in rows.iter().enumerate() {
            let middle = at as f64 + 0.5;
            let line = row.figures.map(|it| (it.median, middle)).to_vec();
            chart.draw_series([PathElement::new(line, row.colour.stroke_width(3))])?;
            for figure in &row.figures {
                chart.draw_series([Circle::new(
                    (figure.median, middle),
                    6,
                    row.colour.filled(),
                )])?;
            }
            name(
                area,
                &chart.plotting_area().map_coordinate(&(least, middle)),
                row.title,
            )?;
            let Some(last) = row.figures.last() else {
                continue;
            };
            let (x, y) = chart.plotting_area().map_coordinate(&(last.median, middle));
            let style = text(13).pos(Pos::new(HPos::Left, VPos::Center));
            let figures = row.figures.map(|it| number(it.median)).join(" – ");
            area.draw(&Text::new(figures, (x + 12, y), style))?;
        }
        Ok(())
    })
}

/// The name of a server, to the left of its row.
fn name(area: &Area<'_>, row: &(i32, i32), title: &str) -> anyhow::Result<()> {
    let style = text(13).pos(Pos::new(HPos::Right, VPos::Center));
    area.draw(&Text::new(title.to_owned(), (row.0 - 8, row.1), style))?;
    Ok(())
}

/// Vertical lines, with their numbers below.
fn mesh<X>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, RangedCoordf64>>,
) -> anyhow::Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_labels(6)
        .max_light_lines(0)
        .bold_line_style(GRID.mix(0.4))
        .axis_style(GRID)
        .x_label_style(text(12))
        .x_label_formatter(&|it| number(*it))
        .draw()?;
    Ok(())
}
