//! Lines over two logarithmic axes, as SVG that reads on white and on dark.

use plotters::prelude::*;

/// One line of a plot: its name and its points, seconds by numbers of items.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (720, 400);
const GREY: RGBColor = RGBColor(110, 119, 129);
const COLOURS: [RGBColor; 6] = [
    RGBColor(56, 132, 227),
    RGBColor(217, 130, 43),
    RGBColor(46, 160, 67),
    RGBColor(163, 113, 247),
    RGBColor(218, 54, 51),
    RGBColor(23, 162, 184),
];

/// The decades that values lie in.
fn decades(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let low = values.clone().fold(f64::MAX, f64::min).log10().floor();
    let high = values.fold(0.0, f64::max).log10().ceil();
    10_f64.powf(low)..10_f64.powf(high.max(low + 1.0))
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&GREY)
}

/// Draws lines. `count` and `time` write the numbers of the axes.
///
/// # Errors
/// When plotters cannot draw them.
pub fn svg(
    title: &str,
    items: &str,
    lines: &[Line],
    count: impl Fn(&f64) -> String,
    time: impl Fn(&f64) -> String,
) -> anyhow::Result<String> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let across = decades(points().map(|point| point.0));
    let up = decades(points().map(|point| point.1));
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .caption(title, text(17))
        .margin(12)
        .margin_right(40)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GREY.mix(0.3))
        .axis_style(GREY)
        .label_style(text(12))
        .axis_desc_style(text(12))
        .x_desc(items)
        .x_label_formatter(&count)
        .y_label_formatter(&time)
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let colour = *colour;
        let dots = line.points.iter();
        chart
            .draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(dots.map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(text(12))
        .draw()?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}
