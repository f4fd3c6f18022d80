'use strict';
// console: values as text, bounded in depth, breadth and length; the log itself is bounded in C++.
const {
  ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSlice, DatePrototypeToISOString,
  FunctionPrototypeToString, JSONStringify, Map, MapIteratorPrototypeNext, MapPrototypeDelete,
  MapPrototypeEntries, MapPrototypeGet, MapPrototypeSet, MapPrototypeSize,
  ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectHasOwn, ObjectIs, ReflectOwnKeys,
  RegExpPrototypeToString, SetIteratorPrototypeNext, SetPrototypeSize, SetPrototypeValues, String,
  StringPrototypeCharCodeAt, StringPrototypeReplaceAll, StringPrototypeSlice,
  StringPrototypeStartsWith, SymbolPrototypeToString, TypedArrayPrototypeLength,
  TypedArrayPrototypeTag,
} = primordials;

const StringPrototypeRepeat = primordials.uncurryThis(String.prototype.repeat);

const kDepthMax = 3;
const kItemsMax = 100;
const kTextMax = 8192;

const quote = (text) => JSONStringify(text.length > kTextMax
  ? StringPrototypeSlice(text, 0, kTextMax) : text);
const keyText = (key) => (typeof key === 'symbol' ? `[${SymbolPrototypeToString(key)}]`
  : primordials.RegExpPrototypeExec(/^[A-Za-z_$][\w$]*$/, key) !== null ? key : quote(key));

const primitive = (value, top) => {
  switch (typeof value) {
    case 'string': return top ? value : quote(value);
    case 'symbol': return SymbolPrototypeToString(value);
    case 'bigint': return `${value}n`;
    default: return ObjectIs(value, -0) ? '-0' : String(value);
  }
};

const ownData = (object, key) => {
  const found = ObjectGetOwnPropertyDescriptor(object, key);
  return found !== undefined && 'value' in found ? found.value : undefined;
};
const className = (object) => {
  const prototype = ObjectGetPrototypeOf(object);
  if (prototype === null) return '[null prototype]';
  const maker = ownData(prototype, 'constructor');
  const name = typeof maker === 'function' ? ownData(maker, 'name') : undefined;
  return typeof name === 'string' ? name : 'Object';
};

const errorText = (error) => {
  const stack = ownData(error, 'stack') ?? error.stack;
  if (typeof stack === 'string' && stack !== '') return stack;
  return primordials.ErrorPrototypeToString(error);
};

const property = (object, key, seen) => {
  const found = ObjectGetOwnPropertyDescriptor(object, key);
  if (found === undefined) return 'undefined';
  return 'value' in found ? inspect(found.value, seen) : found.get ? '[Getter]' : '[Setter]';
};

/// The items inside brackets, at most kItemsMax of them.
const list = (items, total, open, close, name) => {
  if (total > items.length) ArrayPrototypePush(items, `... ${total - items.length} more`);
  const label = name === '' ? '' : `${name} `;
  if (items.length === 0) return `${label}${open}${close}`;
  let inner = '';
  for (let i = 0; i < items.length; i++) inner += (i > 0 ? ', ' : '') + items[i];
  return open === '[' ? `${label}[ ${inner} ]` : `${label}{ ${inner} }`;
};

const arrayText = (array, length, seen, name) => {
  const items = [];
  for (let i = 0; i < length && i < kItemsMax; i++) {
    ArrayPrototypePush(items, ObjectHasOwn(array, i) ? property(array, i, seen) : '<empty>');
  }
  return list(items, length, '[', ']', name);
};
const mapText = (map, seen) => {
  const items = [];
  const entries = MapPrototypeEntries(map);
  for (let step = MapIteratorPrototypeNext(entries); !step.done && items.length < kItemsMax;
    step = MapIteratorPrototypeNext(entries)) {
    ArrayPrototypePush(items,
      `${inspect(step.value[0], seen)} => ${inspect(step.value[1], seen)}`);
  }
  return list(items, MapPrototypeSize(map), '{', '}', `Map(${MapPrototypeSize(map)})`);
};
const setText = (set, seen) => {
  const items = [];
  const values = SetPrototypeValues(set);
  for (let step = SetIteratorPrototypeNext(values); !step.done && items.length < kItemsMax;
    step = SetIteratorPrototypeNext(values)) ArrayPrototypePush(items, inspect(step.value, seen));
  return list(items, SetPrototypeSize(set), '{', '}', `Set(${SetPrototypeSize(set)})`);
};
const objectText = (object, seen) => {
  const keys = ReflectOwnKeys(object);
  const items = [];
  let total = 0;
  for (let i = 0; i < keys.length; i++) {
    if (!ObjectGetOwnPropertyDescriptor(object, keys[i])?.enumerable) continue;
    if (++total <= kItemsMax)
      ArrayPrototypePush(items, `${keyText(keys[i])}: ${property(object, keys[i], seen)}`);
  }
  const name = className(object);
  return list(items, total, '{', '}', name === 'Object' ? '' : name);
};

const functionText = (value) => {
  const isClass = StringPrototypeStartsWith(FunctionPrototypeToString(value), 'class');
  const name = ownData(value, 'name');
  const label = typeof name === 'string' && name !== '' ? ` ${name}` : '';
  return `[${isClass ? 'class' : 'Function'}${label}]`;
};

const inspect = (value, seen, top = false) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return primitive(value, top);
  const kind = native.kindOf(value);
  switch (kind) {
    case 'proxy': return '[Proxy]';
    case 'function': return functionText(value);
    case 'error': return errorText(value);
    case 'date': return `${DatePrototypeToISOString(value)}`;
    case 'regexp': return RegExpPrototypeToString(value);
    case 'promise': return 'Promise {}';
    case 'arraybuffer': return 'ArrayBuffer {}';
  }
  if (ArrayPrototypeIncludes(seen, value)) return '[Circular]';
  if (seen.length >= kDepthMax) return kind === 'array' ? '[Array]' : `[${className(value)}]`;
  const inner = ArrayPrototypeSlice(seen);
  ArrayPrototypePush(inner, value);
  if (kind === 'array') return arrayText(value, value.length, inner, '');
  if (kind === 'map') return mapText(value, inner);
  if (kind === 'set') return setText(value, inner);
  if (kind === 'typedarray') {
    const length = TypedArrayPrototypeLength(value);
    return arrayText(value, length, inner, `${TypedArrayPrototypeTag(value)}(${length})`);
  }
  return objectText(value, inner);
};

/// One %-directive of a format string; undefined for one that takes no argument.
const directive = (letter, value) => {
  switch (letter) {
    case 's': return inspect(value, [], true);
    case 'd': case 'i': case 'f': {
      if (typeof value === 'symbol' || typeof value === 'object') return 'NaN';
      const number = letter === 'f' || typeof value === 'bigint' ? value : +value;
      const whole = letter === 'i' && typeof number === 'number';
      return `${whole ? primordials.MathTrunc(number) : number}`;
    }
    case 'o': case 'O': case 'j': return inspect(value, []);
    case 'c': return '';
    default: return undefined;
  }
};

const expand = (format, values, used) => {
  let out = '';
  let from = 0;
  for (let i = 0; i + 1 < format.length; i++) {
    if (StringPrototypeCharCodeAt(format, i) !== 37) continue;
    const letter = format[i + 1];
    if (letter !== '%' && used >= values.length) continue;
    const text = letter === '%' ? '%' : directive(letter, values[used]);
    if (text === undefined) continue;
    if (letter !== '%') used++;
    out += StringPrototypeSlice(format, from, i) + text;
    from = i + 2;
    i++;
  }
  return { text: out + StringPrototypeSlice(format, from), used };
};

const format = (values) => {
  let used = 0;
  let out = '';
  if (typeof values[0] === 'string' && values.length > 1) {
    const expanded = expand(values[0], values, 1);
    out = expanded.text;
    used = expanded.used;
  }
  for (; used < values.length && out.length < kTextMax; used++)
    out += (used > 0 ? ' ' : '') + inspect(values[used], [], true);
  return out;
};

const kLevels = { __proto__: null, debug: 0, log: 1, info: 1, dir: 1, trace: 1, warn: 2, error: 3 };
const console = {};
// Groups, counters and timers. What they keep is the function's own memory.
const kGroupsMax = 16;  // deeper ones look like this one
let groups = 0;
const counts = new Map();
const starts = new Map();
const print = (level, text) => {
  if (groups === 0) return native.log(level, text);
  const indent = StringPrototypeRepeat('  ', groups < kGroupsMax ? groups : kGroupsMax);
  return native.log(level, indent + StringPrototypeReplaceAll(text, '\n', `\n${indent}`));
};
for (const name of ReflectOwnKeys(kLevels)) {
  const level = kLevels[name];
  console[name] = { [name](...values) { print(level, format(values)); } }[name];
}
/// A line for each row: its index and its values, by the names of all columns.
const tableOf = (data, wanted) => {
  const columns = [];
  const rows = [];
  const add = (name) => {
    if (!ArrayPrototypeIncludes(columns, name)) ArrayPrototypePush(columns, name);
  };
  const keys = ReflectOwnKeys(data);
  for (let i = 0; i < keys.length && rows.length < kItemsMax; i++) {
    if (!ObjectGetOwnPropertyDescriptor(data, keys[i])?.enumerable) continue;
    const row = ownData(data, keys[i]);
    const inner = typeof row === 'object' && row !== null ? ReflectOwnKeys(row) : [];
    for (let j = 0; j < inner.length && columns.length < kItemsMax; j++)
      if (ObjectGetOwnPropertyDescriptor(row, inner[j])?.enumerable) add(inner[j]);
    ArrayPrototypePush(rows, { __proto__: null, key: keys[i], row });
  }
  const names = wanted ?? columns;
  let out = '(index)';
  for (let i = 0; i < names.length; i++) out += ` | ${keyText(names[i])}`;
  for (let i = 0; i < rows.length && out.length < kTextMax; i++) {
    const { key, row } = rows[i];
    const isObject = typeof row === 'object' && row !== null;
    out += `\n${keyText(key)}`;
    for (let j = 0; j < names.length && out.length < kTextMax; j++)
      out += ` | ${isObject && ObjectHasOwn(row, names[j]) ? property(row, names[j], []) : ''}`;
    if (!isObject) out += ` | ${inspect(row, [])}`;
  }
  return out;
};
const elapsed = (label) => {
  const since = MapPrototypeGet(starts, label);
  if (since === undefined) print(2, `Timer '${label}' was not started`);
  return since === undefined ? undefined : `${label}: ${native.now() - since} ms`;
};
const more = {
  group(...values) {
    if (values.length > 0) print(1, format(values));
    groups++;
  },
  clear() { groups = 0; },
  dirxml(...values) { print(1, format(values)); },
  groupEnd() { if (groups > 0) groups--; },
  table(data, columns = undefined) {
    const isTable = typeof data === 'object' && data !== null && native.kindOf(data) !== 'proxy';
    print(1, isTable ? tableOf(data, columns) : format([data]));
  },
  count(label = 'default') {
    const name = web.toText(label);
    MapPrototypeSet(counts, name, (MapPrototypeGet(counts, name) ?? 0) + 1);
    print(1, `${name}: ${MapPrototypeGet(counts, name)}`);
  },
  countReset(label = 'default') {
    if (!MapPrototypeDelete(counts, web.toText(label))) print(2, `Counter '${label}' was not used`);
  },
  time(label = 'default') {
    const name = web.toText(label);
    if (MapPrototypeGet(starts, name) === undefined) MapPrototypeSet(starts, name, native.now());
    else print(2, `Timer '${name}' runs already`);
  },
  timeLog(label = 'default', ...values) {
    const text = elapsed(web.toText(label));
    if (text !== undefined) print(1, values.length > 0 ? `${text} ${format(values)}` : text);
  },
  timeEnd(label = 'default') {
    const text = elapsed(web.toText(label));
    if (text !== undefined) print(1, text);
    MapPrototypeDelete(starts, web.toText(label));
  },
};
for (const name of ReflectOwnKeys(more)) console[name] = more[name];
console.groupCollapsed = { groupCollapsed(...values) { more.group(...values); } }.groupCollapsed;
console.assert = function assert(condition, ...values) {
  const what = values.length > 0 ? `: ${format(values)}` : '';
  if (!condition) print(3, `Assertion failed${what}`);
};
primordials.ObjectDefineProperty(console, primordials.SymbolToStringTag,
  { __proto__: null, value: 'console', configurable: true });
web.expose('console', console);
web.inspect = (value) => inspect(value, [], true);
