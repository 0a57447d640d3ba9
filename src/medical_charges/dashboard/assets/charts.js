// Vega-Lite specifications. A spec does not depend on the rows, but for how many there are: a
// selection changes a view's data and its height, so that it is answered at once.
//
// Colors are CSS variables on the page, so that light, dark and print are matters of style,
// and what those variables stand for in a saved picture.

const ROWS = "rows";
const NARROW = 480;
/** How high a line of a group's name is. */
const LINE = 14;
/** From this width on labels, marks and figures of differences stand next to each other. */
const FOREST = 700;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** What draws in a theme: `color(name)` gives a CSS variable or the color behind it. */
function makeCharts(color, formats) {
  const ink = color("ink");
  const muted = color("muted");
  const rule = color("rule");
  const surface = color("surface");
  const series = [1, 2, 3, 4, 5, 6, 7].map((i) => color(`series-${i}`));
  const colorAt = (place) => series[place % series.length];
  const onSeries = [1, 2, 3, 4, 5, 6, 7].map((i) => color(`on-series-${i}`));
  const inkOn = (place) => onSeries[place % onSeries.length];

  const config = {
    font: FONT,
    background: null,
    view: { stroke: null },
    style: { "guide-label": { font: FONT }, "guide-title": { font: FONT } },
    axis: {
      labelColor: muted, labelFontSize: 12, titleColor: muted, titleFontSize: 12,
      titleFontWeight: "normal", domainColor: rule, tickColor: rule, gridColor: rule, labelPadding: 6,
    },
    legend: {
      labelColor: ink, labelFontSize: 12.5, titleColor: muted, symbolStrokeWidth: 0,
      symbolType: "square", symbolSize: 130, labelLimit: 0, layout: { right: { anchor: "middle" } },
    },
    text: { fill: ink, font: FONT, fontSize: 12.5 },
    range: { category: series },
    locale: {
      number: { decimal: ".", thousands: ",", grouping: [3], currency: [formats.symbol, ""] },
    },
  };

  const isShown = { filter: "datum.state === 'shown'" };
  const hasLimits = { filter: "isValid(datum.low) && isValid(datum.high)" };

  function spec(visual, size, layers, extra = {}) {
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      description: visual.description,
      width: size.width,
      height: size.height,
      autosize: { type: "fit", contains: "padding" },
      padding: { left: 0, right: 6, top: 4, bottom: 6 },
      params: ["room", "before"].map((name) => ({ name, value: size[name] ?? 0 })),
      data: { name: ROWS, values: [] },
      layer: layers,
      config,
      ...extra,
    };
  }

  function tooltip(visual) {
    return visual.tips.map((title, i) => ({ field: `tip${i}`, title }));
  }

  /** The scale of horizontal bars: from zero, with room for the texts next to them on either side. */
  const lengths = { zero: true, range: [{ expr: "before" }, { expr: "max(before + 40, width - room)" }] };

  function valueAxis(visual, size) {
    const { format } = visual.value;
    const money = format === "measure" && formats.symbol;
    // Thousands are 1k; but of 0.5, SI would make 500m.
    const [large, small] = money ? ["$~s", formats.digits ? "$.2f" : "$~f"] : ["~s", "~f"];
    const form = format === "share" ? "'~%'" : `abs(datum.value) < 1000 ? '${small}' : '${large}'`;
    return {
      grid: true, domain: false, ticks: false, tickCount: size.width < NARROW ? 3 : 5, title: visual.axisTitle,
      labelOverlap: "greedy", labelSeparation: 6, labelFlush: false,
      ...(format === "count" ? { tickMinStep: 1 } : {}),
      labelExpr: `datum.value === 0 ? '${money ? formats.symbol : ""}0' : format(datum.value, ${form})`,
    };
  }

  /** Groups next to their bars; a long name is on three lines at most. */
  const categoryAxis = ({ width }) => {
    const labelFontSize = width < NARROW ? 12 : 13;
    const room = Math.max(130, Math.min(320, width * (width < NARROW ? 0.42 : 0.36)));
    const letters = Math.floor(room / labelFontSize / 0.51);
    const broken = (text, from) => `replace(${text}, regexp('${from}(?=.{${letters + 1},})(.{1,${letters}}) '), '${from === "^" ? "" : from}$1\\n')`;
    const lines = `split(${broken(broken("datum.label", "^"), "\\n")}, '\\n')`;
    // Vega has the first of several lines next to the bar. So it is moved up, and lines of half the
    // height that nobody sees move the text down until its middle is there.
    const centered = `substring('\u200b\\n\u200b\\n', 2 * length(${lines}) - 2) + join(${lines}, '\\n\u200b\\n')`;
    return {
      title: null, domain: false, ticks: false, labelColor: ink, labelFontSize, labelPadding: 8,
      // Some letters are wider than others.
      labelLimit: 1.15 * room, labelExpr: `split(${centered}, '\\n')`, labelLineHeight: LINE / 2, labelOffset: -LINE,
    };
  };

  /** A text next to a mark, with a margin that keeps it legible over lines. */
  function label(encoding, mark = {}) {
    const common = { type: "text", align: "left", baseline: "middle", dx: 8, ...mark };
    return [
      {
        mark: { ...common, stroke: surface, strokeWidth: 5, strokeJoin: "round", aria: false },
        encoding,
      },
      { mark: { ...common, aria: false }, encoding },
    ];
  }

  /** What stands in the place of a mark that is not there. First, so that it sets the order. */
  function absence(encoding, mark = {}) {
    const text = { ...encoding, text: { field: "absent" } };
    return label(text, { dx: 6, fontStyle: "italic", fill: muted, ...mark });
  }

  /** The figures of bars, beyond their ends. */
  function figures(encoding, mark = {}) {
    const place = { ...encoding, x: { field: "anchor", type: "quantitative" }, text: { field: "text" } };
    const side = (left, right) => ({ expr: `datum.value < 0 ? ${left} : ${right}` });
    const far = "(datum.anchor === datum.median ? 13 : 8)"; // a diamond is there with its middle
    return label(place, { ...mark, align: side("'right'", "'left'"), dx: side(`-${far}`, far) })
      .map((layer) => ({ transform: [isShown], ...layer }));
  }

  /** Where bars begin, if some of them point to the left. */
  const zero = {
    data: { values: [{}] },
    mark: { type: "rule", color: rule, aria: false },
    encoding: { x: { datum: 0, type: "quantitative" } },
  };

  /** A mark of all people, to see a selection against. */
  function reference(encoding, mark = {}) {
    return {
      transform: [{ filter: "isValid(datum.reference)" }],
      name: "reference",
      mark: { type: "tick", color: muted, opacity: 0.9, thickness: 3, aria: false, ...mark },
      encoding,
    };
  }

  function whiskers(orient, encoding, mark = {}) {
    const [along, end] = orient === "x" ? ["x", "x2"] : ["y", "y2"];
    const both = { [along]: { field: "low", type: "quantitative" }, [end]: { field: "high" } };
    const tick = (field) => ({
      transform: [hasLimits],
      mark: { type: "tick", color: ink, opacity: 1, thickness: 2, size: 9, aria: false, ...mark },
      encoding: { ...encoding, [along]: { field, type: "quantitative" } },
    });
    return [
      {
        transform: [hasLimits],
        name: "interval",
        mark: { type: "rule", color: ink, strokeWidth: 2, aria: false, ...mark },
        encoding: { ...encoding, ...both },
      },
      tick("low"),
      tick("high"),
    ];
  }

  /** A diamond at the median of each bar, and its place in the legend. */
  function medians(visual, encoding) {
    if (!visual.median) return [];
    const legend = { orient: "top", title: null, offset: 8, symbolType: "diamond", symbolSize: 90, symbolFillColor: surface, symbolStrokeWidth: 2 };
    return [{
      transform: [{ filter: "isValid(datum.median)" }],
      name: "median",
      mark: { type: "point", shape: "diamond", size: 90, opacity: 1, fill: surface, strokeWidth: 2, aria: false },
      encoding: {
        ...encoding, x: { field: "median", type: "quantitative" },
        stroke: { datum: "Median", type: "nominal", scale: { domain: ["Median"], range: [ink] }, legend },
      },
    }];
  }

  /** Horizontal bars. */
  function bars(visual, size) {
    const y = { field: "category", type: "nominal", sort: null, axis: categoryAxis(size), scale: { paddingInner: 0.1, paddingOuter: 0.05 } };
    const x = { field: "value", type: "quantitative", stack: null, axis: valueAxis(visual, size), scale: lengths };
    return spec(visual, size, [
      ...absence({ y, x: { datum: 0, type: "quantitative" } }),
      {
        transform: [isShown],
        name: "bar",
        mark: { type: "bar", color: series[0], height: { band: 0.6 }, cornerRadiusEnd: 2 },
        encoding: { y, x, tooltip: tooltip(visual), description: { field: "spoken" } },
      },
      zero,
      reference({ y, x: { field: "reference", type: "quantitative" } }, { size: 34 }),
      ...whiskers("x", { y }),
      ...medians(visual, { y }),
      ...figures({ y }, { fontWeight: 600 }),
    ]);
  }

  /** Bars within bars, with a color for each series. */
  function grouped(visual, size) {
    const y = { field: "category", type: "nominal", sort: null, axis: categoryAxis(size), scale: { paddingInner: 0.25, paddingOuter: 0.1 } };
    const names = visual.seriesNames;
    const yOffset = { field: "series", type: "nominal", sort: names, scale: { paddingInner: 0.12, domain: names } };
    const x = { field: "value", type: "quantitative", stack: null, axis: valueAxis(visual, size), scale: lengths };
    const colorOf = {
      field: "series", type: "nominal", sort: names,
      scale: { domain: names, range: visual.colors.map(colorAt) },
      legend: { orient: "top", title: null, direction: "horizontal", offset: 8, columns: size.width < NARROW ? 2 : 0 },
    };
    return spec(visual, size, [
      ...absence({ y, yOffset, x: { datum: 0, type: "quantitative" } }),
      {
        transform: [isShown],
        name: "bar",
        mark: { type: "bar", cornerRadiusEnd: 2 },
        encoding: { y, yOffset, x, color: colorOf, tooltip: tooltip(visual), description: { field: "spoken" } },
      },
      zero,
      reference({ y, yOffset, x: { field: "reference", type: "quantitative" } }, { size: 24 }),
      ...whiskers("x", { y, yOffset }),
      ...medians(visual, { y, yOffset }),
      ...figures({ y, yOffset }),
    ]);
  }

  function pie(visual, size) {
    const wide = size.width >= NARROW;
    const radius = Math.min(120, (size.width - 20) / 2.4);
    const order = { field: "order", type: "quantitative" };
    const theta = { field: "value", type: "quantitative", stack: true };
    const colorOf = {
      field: "legend", type: "nominal", sort: null, scale: { range: visual.colors.map(colorAt) },
      legend: {
        orient: wide ? "right" : "bottom", direction: "vertical", title: null, offset: wide ? 28 : 12,
        rowPadding: 8, columns: 1, labelFontSize: 13,
      },
    };
    return spec(visual, size, [
      {
        name: "slice",
        mark: { type: "arc", outerRadius: radius, stroke: surface, strokeWidth: 2 },
        encoding: { theta, order, color: colorOf, tooltip: tooltip(visual), description: { field: "spoken" } },
      },
      {
        mark: { type: "text", radius: radius * 0.68, fontWeight: 600, aria: false },
        encoding: {
          theta, order, text: { field: "inside" },
          fill: { field: "legend", type: "nominal", sort: null, scale: { range: visual.colors.map(inkOn) }, legend: null },
        },
      },
    ], { resolve: { scale: { fill: "independent" } }, view: { stroke: null } });
  }

  /** A line over numbers, or over bands of them; it breaks where a value is withheld. */
  function line(visual, size, { ordinal }) {
    const x = ordinal
      ? { field: "category", type: "ordinal", sort: null, scale: { type: "point", padding: 0.4 },
          axis: { title: visual.categoryTitle, labelAngle: 0, ticks: false, labelOverlap: "greedy", labelColor: ink,
            ...(size.width < NARROW ? { labelExpr: "split(datum.label, ' ')" } : {}) } }
      : { field: "position", type: "quantitative", scale: { zero: false, nice: false, padding: 8 },
          axis: { title: visual.categoryTitle, grid: false, tickMinStep: 1, labelColor: ink, labelOverlap: true,
            labelExpr: `(${JSON.stringify(visual.categoryNames)})[datum.value] || format(datum.value, 'd')` } };
    const y = { field: "value", type: "quantitative", axis: valueAxis(visual, size), scale: { zero: true } };
    const many = visual.seriesNames.length > 0;
    const colorOf = many
      ? { color: { field: "series", type: "nominal", sort: visual.seriesNames,
            scale: { domain: visual.seriesNames, range: visual.colors.map(colorAt) },
            legend: { orient: "top", title: null, symbolOpacity: 1 } } }
      : { color: { value: series[0] } };
    const band = { y: { field: "low", type: "quantitative" }, y2: { field: "high" } };
    const broken = { invalid: "break-paths-show-domains" };
    // Medians are dashed, and the legend says so.
    const told = (name, range, more = {}) => ({
      datum: name, type: "nominal", scale: { domain: ["Mean", "Median"], range },
      legend: { orient: "top", title: null, symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2, ...more },
    });
    const dashes = (name) => (visual.median ? {
      strokeDash: told(name, [[1, 0], [5, 4]], many ? { symbolStrokeColor: ink } : {}),
      ...(many ? {} : { color: told(name, [series[0], ink]) }),
    } : {});
    return spec(visual, size, [
      ...absence(
        { x, y: { datum: 0, type: "quantitative" } },
        { angle: 270, fontSize: ordinal ? 12 : 9 },
      ),
      {
        name: "band",
        mark: { type: "area", opacity: 0.22, aria: false, ...broken },
        encoding: { x, ...band, ...colorOf },
      },
      {
        mark: { type: "line", strokeWidth: 2, aria: false, ...broken },
        encoding: { x, y, ...colorOf, ...dashes("Mean") },
      },
      ...(visual.median ? [{
        name: "median",
        mark: { type: "line", strokeWidth: 2, aria: false, ...broken },
        encoding: {
          x, y: { field: "median", type: "quantitative" },
          ...colorOf, ...dashes("Median"),
        },
      }] : []),
      reference({ x, y: { field: "reference", type: "quantitative" } }, { orient: "horizontal", size: 34 }),
      ...(ordinal ? whiskers("y", { x }) : []),
      {
        transform: [isShown],
        name: "point",
        mark: { type: "point", filled: true, size: ordinal ? 60 : 22, opacity: 1 },
        encoding: { x, y, ...colorOf, tooltip: tooltip(visual), description: { field: "spoken" } },
      },
      {
        transform: [isShown],
        mark: { type: "point", filled: true, size: 260, opacity: 0, aria: false },
        encoding: { x, y, tooltip: tooltip(visual) },
      },
    ]);
  }

  /** A point and an interval for each difference, about zero; comparisons are headings. */
  function forest(visual, size) {
    const wide = size.width >= FOREST;
    const left = wide ? Math.min(280, size.width * 0.28) : 0;
    const y = { field: "category", type: "nominal", sort: null, axis: null, scale: { padding: 0 } };
    const x = {
      field: "difference", type: "quantitative", axis: { ...valueAxis(visual, size), tickCount: wide ? 7 : 3 },
      scale: { zero: true, nice: false, range: [{ expr: `${left} + 8` }, { expr: `max(${left} + 60, width - ${wide ? "room" : 14})` }] },
    };
    const heading = { filter: "datum.kind !== 'row'" };
    const down = { yOffset: wide ? 0 : 20 };
    const place = { type: "text", align: "left", baseline: "middle", x: 0, yOffset: wide ? 0 : -14, aria: false, limit: wide ? left - 6 : size.width };
    const told = wide ? { ...place, x: { expr: "width" }, align: "right", limit: 0 } : { ...place, yOffset: 3, dx: 12 };
    const figures = { y, text: { field: wide ? "text" : "brief" } };
    return spec(visual, size, [
      // Of all lines, and first: it sets their order.
      { mark: { type: "point", opacity: 0, aria: false }, encoding: { y } },
      { data: { values: [{}] }, mark: { type: "rule", color: muted, strokeDash: [3, 3], aria: false }, encoding: { x: { datum: 0, type: "quantitative" } } },
      { transform: [heading], mark: { ...place, ...(wide ? {} : { yOffset: { expr: "datum.kind === 'heading' ? 16 : -14" } }), fontWeight: 600, limit: wide ? { expr: `datum.kind === 'alone' ? ${left - 6} : ${size.width * 0.6}` } : size.width }, encoding: { y, text: { field: "label" } } },
      { transform: [{ filter: "datum.kind === 'row'" }], mark: { ...place, dx: 12 }, encoding: { y, text: { field: "label" } } },
      ...whiskers("x", { y }, down),
      {
        transform: [isShown],
        name: "difference",
        mark: { type: "point", filled: true, size: 80, color: ink, opacity: 1, ...down },
        encoding: { y, x, tooltip: [{ field: "spoken", title: "Difference" }], description: { field: "spoken" } },
      },
      { transform: [isShown], mark: told, encoding: figures },
      { transform: [{ filter: "datum.state !== 'shown'" }], mark: { ...told, fontStyle: "italic", fill: muted }, encoding: figures },
    ]);
  }

  /** A word in the place of a drawing. */
  function message(visual, size) {
    return spec(visual, size, [{
      data: { values: [{}] },
      mark: { type: "text", align: "left", fontSize: 14, fontStyle: "italic", fill: muted },
      encoding: { x: { value: 0 }, y: { value: 20 }, text: { value: visual.message } },
    }]);
  }

  const drawings = {
    bars,
    grouped,
    pie,
    line: (visual, size) => line(visual, size, { ordinal: false }),
    steps: (visual, size) => line(visual, size, { ordinal: true }),
    forest,
    message,
  };
  return (drawing, visual, size) => drawings[drawing](visual, size);
}

/** How high a drawing is: rows take the room they need. */
function heightOf(drawing, rows, width) {
  const categories = new Set(rows.map(({ category }) => category)).size || 1;
  const legend = rows.some(({ median }) => median !== null) ? 28 : 0;
  switch (drawing) {
    case "bars": return 44 * categories + 40 + legend;
    case "grouped": return 30 * Math.max(rows.length, 1) + 14 * categories + 72;
    case "message": return 60;
    case "forest": return (width >= FOREST ? 30 : 62) * categories + 52;
    case "pie": return width >= NARROW ? 270 : 250 + 24 * rows.length;
    default: return 320;
  }
}
