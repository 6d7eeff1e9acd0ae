// Reads a number as people write it, as featlib/quiz/numbers.py does; why each rule is there is said
// there. Fractions are exact: pairs of BigInts, above and below the line.

const NO_NUMBER = "That is no number. Write it like 512, 0.6 or 1/3.";
const ASK_BACK = "That can be read in more than one way. Write decimals with a point, like 0.6, and "
  + "a large number in digits alone, like 5130.";
const MOST = 1000; // characters that are read

// What Python takes for blanks: JavaScript's \s is another set.
const BLANKS = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const pattern = (text, flags = "") => new RegExp(text.replaceAll("\\s", BLANKS), flags);
const EDGES = pattern("^[\\s]+|[\\s]+$", "g");
const BETWEEN = pattern("[\\s]+", "g");
const single = (text) => text.replace(EDGES, "").replace(BETWEEN, " ");
const cut = (text) => [...text].slice(0, MOST).join("");

const DIGITS = new Map([...UNICODE.digits].map((digit, i) => [digit, UNICODE.values[i]]));
const asciiDigits = (text) => [...text].map((c) => DIGITS.get(c) ?? c).join("");
const INVISIBLE = /[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
const visible = (text) => cut(text).replace(INVISIBLE, "");

const ALIKE = new Map([
  ["-", "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"],
  ["'", "\u2019\u2018\u02bc\u00b4`_"],
  ["*", "\u00d7\u00b7\u22c5\u2219\u2217"],
  ["/", "\u2044\u2215\u00f7"],
  [".", "\u066b"], [",", "\u066c\u060c"], ["%", "\u066a"],
  ["#", "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"],
].flatMap(([meant, written]) => [...written].map((c) => [c, meant])));
const alike = (text) => [...text].map((c) => ALIKE.get(c) ?? c).join("");

const DECIMAL = "(?:\\d+\\.?\\d*|\\.\\d+)";
const NUMBER = new RegExp(`^(?<sign>[+-]?)(?:`
  + `(?:(?<whole>\\d+) (?=[1-9]\\d?/))?(?<above>${DECIMAL})/(?<minus>-?)(?<below>${DECIMAL})`
  + `|(?<first>${DECIMAL})(?:e(?<exponent>[+-]?\\d{1,3}))?`
  + `(?:\\*(?<base>\\d+)\\^(?<power>[+-]?\\d{1,3}))?`
  + `|(?<only>\\d+)\\^(?<raised>[+-]?\\d{1,3})`
  + `)(?<percent>%?)$`);
const ENDED =
  /(?<=[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u00bc-\u00be\u2150-\u215e])(?=[0-9])/g;
const POINTS = /^[+-]?[1-9]\d{0,2}(\.\d{3})+%?$/;
const GROUPS = /(?<![\d.,' ])[1-9]\d{0,2}([,' ])\d{3}(?:\1\d{3})*(?![\d,'/]| \d)/g;
const ABOUT = pattern("^[\\s]*[~=\\u2248]");
const PERCENT = pattern("[\\s]*(?:percent|per cent)[\\s]*$");
const TIMES = pattern("(?<=\\d)[\\s]*x[\\s]*(?=\\d+[\\s]*\\^)", "g");
const UNCLEAR = pattern("[^\\d.,'\\s/%e^*+-]");

// What a text says: `values` are all that may be meant, `other` is what it says to somebody who
// writes comma and point the other way round, `advice` how to write it otherwise.
function readNumber(text) {
  const tidied = tidyNumber(text);
  const values = valueOf(tidied.replace(GROUPS, (found) => found.replace(/[,' ]/g, "")));
  const points = POINTS.test(tidied);
  if (!values.length) {
    const unclear = points || (/\d[,' ] ?\d/.test(tidied) && !UNCLEAR.test(tidied));
    return { values, other: [], advice: unclear ? ASK_BACK : NO_NUMBER };
  }
  const commas = tidied.split(",").length - 1;
  const other = points ? valueOf(tidied.replaceAll(".", ""))
    : commas === 1 ? valueOf(tidied.replace(",", ".")) : [];
  return { values, other, advice: ASK_BACK };
}

// Rounds to significant digits. A double has no more than 100 that matter.
const rounded = (number, digits) =>
  digits > 100 ? number : Number(number.toPrecision(digits));

// Digits and signs, in one way of several that look alike.
function plain(given) {
  const text = visible(given).replace(ENDED, " ")
    .replace(/[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207a\u207b]+/g, "^$&")
    .replace(/(?=[\u00bc-\u00be\u2150-\u215e])/g, " ");
  return asciiDigits(alike(alike(text).normalize("NFKC"))).toLowerCase();
}

function tidyNumber(given) {
  const text = plain(given).replace(ABOUT, "").replace(PERCENT, "%").replaceAll("**", "^").replace(TIMES, "*");
  return single(text).replace(/ *([-+*/^%]) */g, (all, sign, at, whole) =>
    "-+".includes(sign) && /\d/.test(whole[at - 1] ?? "") ? all : sign);
}

function valueOf(text) {
  const found = text.length <= 60 && NUMBER.exec(text)?.groups;
  const exact = found && exactly(found);
  if (!exact) return [];
  const number = (found.sign === "-" ? -1 : 1) * asNumber(exact);
  if (!Number.isFinite(number)) return [];
  return found.percent ? [number, number / 100] : [number];
}

// The number without its sign; null where there is none, as for 1/0.
function exactly(found) {
  if (found.only) return power(BigInt(found.only), found.raised);
  if (found.above) {
    const [a, b] = decimal(found.above), [c, d] = decimal(found.below);
    if (c === 0n) return null;
    const above = found.minus ? -a * d : a * d, below = b * c;
    if (!found.whole) return [above, below];
    if (above <= 0n || above >= below) return null; // no mixed number
    return [BigInt(found.whole) * below + above, below];
  }
  const parts = [decimal(found.first), power(10n, found.exponent ?? "0")];
  if (found.base) parts.push(power(BigInt(found.base), found.power));
  if (parts.includes(null)) return null;
  return parts.reduce(([a, b], [c, d]) => [a * c, b * d]);
}

function decimal(text) {
  const [whole, part = ""] = text.split(".");
  return [BigInt(whole + part), 10n ** BigInt(part.length)];
}

function power(base, exponent) {
  const times = BigInt(exponent.replace("+", ""));
  if (times >= 0n) return [base ** times, 1n];
  return base === 0n ? null : [1n, base ** -times];
}

// Divides, and rounds what is exactly half to the even number.
function divided(above, below) {
  const whole = above / below, twice = 2n * (above % below);
  return whole + (twice > below || (twice === below && whole % 2n) ? 1n : 0n);
}

// The nearest double to a fraction, as Python's division of two whole numbers finds it.
function asNumber([above, below]) {
  const minus = above < 0n !== below < 0n;
  const [a, b] = [above, below].map((x) => (x < 0n ? -x : x));
  if (a === 0n) return 0;
  const bits = (x) => x.toString(2).length;
  const scaled = (by) => (by >= 0 ? [a << BigInt(by), b] : [a, b << BigInt(-by)]);
  let shift = Math.min(1074, 53 - bits(a) + bits(b)); // 2⁻¹⁰⁷⁴ is the smallest double
  const [top, bottom] = scaled(shift);
  if (top / bottom >= 2n ** 53n) shift -= 1;
  const number = Number(divided(...scaled(shift))) * 2 ** -shift;
  return minus ? -number : number;
}
