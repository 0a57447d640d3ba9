// What the charts that are on show draw: every mark with its place in its scale's units.
() => {
  const kinds = ["bar", "interval", "point", "median", "band", "difference", "slice", "reference"];
  const marksOf = (view, visit) => {
    const walk = (item) => {
      if (item.marktype) visit(item);
      (item.items || []).forEach(walk);
    };
    walk(view.scenegraph().root);
  };
  const read = (view) => {
    const found = {};
    // To digits that do not depend on which drawing came before.
    const inverted = (name) => (value) => Number(view.scale(name).invert(value).toPrecision(12));
    const [x, y] = ["x", "y"].map(inverted);
    // Differences are told from others by what they are of, not by their lines.
    const labels = ({ datum }) => (datum.label ? [datum.label] : [datum.category ?? null, datum.series ?? null]);
    marksOf(view, ({ name, items }) => {
      const kind = kinds.find((known) => name === `${known}_marks`);
      if (!kind) return;
      // A line has places that it leaves out.
      const marks = items.filter(({ defined }) => defined !== false).map((item) => {
        const of = labels(item);
        const color = item.fill;
        if (kind === "bar") return { of, color, from: x(item.x), to: x(item.x + item.width) };
        if (kind === "slice") return { of, color, share: Math.abs(item.endAngle - item.startAngle) / (2 * Math.PI) };
        if (kind === "point") return { of, color, at: y(item.y) };
        if (kind === "reference") return { of, at: item.width > item.height ? y(item.y + item.height / 2) : x(item.x + item.width / 2) };
        if (kind === "median") return { of, at: view.scale("y").type === "linear" ? y(item.y) : x(item.x) };
        if (kind === "difference") return { of, at: x(item.x) };
        const upright = kind === "band" || Math.abs((item.y2 ?? item.y) - item.y) > 1e-9;
        const ends = upright ? [y(item.y), y(item.y2)] : [x(item.x), x(item.x2)];
        return { of, from: Math.min(...ends), to: Math.max(...ends) };
      });
      found[kind] = [...(found[kind] ?? []), ...marks];
    });
    return found;
  };
  // Lines that nobody sees are there to move others down.
  const textOf = (text) => [...(text.children.length ? text.children : [text])]
    .map((line) => line.textContent).filter((line) => line !== "\u200b").join(" ");
  const merged = (all, more) => {
    for (const [kind, marks] of Object.entries(more)) all[kind] = [...(all[kind] ?? []), ...marks];
    return all;
  };
  const charts = {};
  for (const card of document.querySelectorAll(".card")) {
    const frames = [...card.querySelectorAll(".chart > div")].filter((frame) => frame.checkVisibility());
    charts[card.id.replace("chart-", "")] = {
      alts: frames.map(({ view }) => view.container().getAttribute("aria-label")),
      marks: frames.map(({ view }) => read(view)).reduce(merged, {}),
      texts: frames.flatMap((frame) => [...frame.querySelectorAll("svg text")].map(textOf)).filter(Boolean),
      message: [...card.querySelectorAll(".message")].find((place) => place.checkVisibility())?.textContent,
      notes: card.querySelector(".notes").textContent,
      subtitle: card.querySelector(".subtitle").textContent,
    };
  }
  const tiles = {};
  for (const tile of document.querySelectorAll(".tile")) {
    tiles[tile.id.replace("tile-", "")] = [...tile.querySelectorAll("span")].map((span) => span.textContent);
  }
  const tells = document.querySelector(".tells");
  const sentences = tells.hidden ? [] : [...tells.querySelectorAll("li")].map((item) => item.textContent);
  return { charts, tiles, sentences };
}
