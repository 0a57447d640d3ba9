// Numbers as people read them.

const LANGUAGE = "en-GB";
const MINUS = "\u2212";

/** The formats of one dashboard: by a field's `format`, a function from a number to text. */
function makeFormats({ unit }, typical) {
  const currency = isCurrency(unit);
  const digits = digitsOf(typical, currency);
  const decimals = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const plain = new Intl.NumberFormat(LANGUAGE, decimals);
  const money = currency
    ? new Intl.NumberFormat(LANGUAGE, {
        style: "currency", currency: unit, currencyDisplay: "narrowSymbol", ...decimals,
      })
    : plain;
  const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(LANGUAGE, {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
  });
  const signed = (text) => text.replace("-", MINUS);
  return {
    text: String,
    integer: String,
    number: (value) => signed(value.toFixed(2)),
    points: (value) => (value > 0 ? "+" : "") + signed(value.toFixed(1)),
    count: (value) => signed(whole.format(value)),
    measure: (value) => signed(money.format(value)),
    // All and nobody are exact; anything between has a decimal.
    share: (value) => (value === 0 || value === 1 ? `${100 * value}%` : percent.format(value)),
    /** With its unit, where the number alone does not show it. */
    withUnit: (value) => signed(money.format(value)) + (unit && !currency ? ` ${unit}` : ""),
    difference: (value) => (value > 0 ? "+" : "") + signed(money.format(value)),
    gap: (value) => (value > 0 ? "+" : "") + signed(money.format(value)) + (unit && !currency ? ` ${unit}` : ""),
    digits,
    symbol: currency ? money.formatToParts(0).find(({ type }) => type === "currency").value : "",
  };
}

/** Decimals to three digits of a usual value, six at most as in what is published; or cents. */
function digitsOf(typical, currency) {
  const digits = typical > 0 ? Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(typical)))) : 2;
  return currency && digits ? Math.max(2, digits) : digits;
}

function isCurrency(unit) {
  return /^[A-Z]{3}$/.test(unit ?? "");
}

/** A p-value to two digits, as journals print it. */
function formatP(p) {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toPrecision(2).replace(/e.*/, "")}`;
}

/** A run's time, from the identity that begins with it, or the identity itself. */
function formatRun(runId) {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(runId);
  if (!found) return { date: runId, time: "" };
  const [year, month, day, hour, minute] = found.slice(1).map(Number);
  const when = new Date(Date.UTC(year, month - 1, day, hour, minute));
  const date = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  const time = { hour: "2-digit", minute: "2-digit", timeZone: "UTC" };
  return {
    date: new Intl.DateTimeFormat(LANGUAGE, date).format(when),
    time: `${new Intl.DateTimeFormat(LANGUAGE, time).format(when)} UTC`,
  };
}

/** A heading within a sentence: an abbreviation such as BMI stays as it is. */
function inSentence(text) {
  const second = text.slice(1, 2);
  const shortened = second !== second.toLowerCase();
  return shortened ? text : text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** "a, b and c" */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** So many letters a list within a note has at most. */
const LETTERS = 110;

/** As many of the words as a note has room for, and how many are left: "a, b and 7 more". */
function listedInPart(words) {
  let letters = 0;
  const fit = words.findIndex((word) => (letters += word.length + 2) > LETTERS);
  const shown = Math.max(1, fit);
  return fit < 0 || words.length <= shown ? listed(words) : listed([...words.slice(0, shown), `${words.length - shown} more`]);
}
