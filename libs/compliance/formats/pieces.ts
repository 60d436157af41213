/** Bytes of a piece, about. */
const PIECE = 64 * 1024;

/** UTF-8 of a text that comes in bits, in pieces that are worth being sent one by one. */
export function* bytesOf(bits: Iterable<string>): Generator<Buffer> {
  let text = '';
  for (const bit of bits) {
    text += bit;
    if (text.length < PIECE) continue;
    yield Buffer.from(text, 'utf8');
    text = '';
  }
  if (text) yield Buffer.from(text, 'utf8');
}

/** A value of JSON in which a list may be a generator: made, written and forgotten item by item. */
export type LazyJson = string | number | boolean | null | undefined | Iterable<LazyJson> | { readonly [name: string]: LazyJson };

/** JSON of it, in bits, without white space. Members that are undefined are left out. */
export function* jsonBits(value: LazyJson): Generator<string> {
  if (typeof value !== 'object' || value === null) yield JSON.stringify(value ?? null);
  else if (isList(value)) yield* listBits(value);
  else yield* memberBits(value);
}

function* listBits(list: Iterable<LazyJson>): Generator<string> {
  let before = '[';
  for (const item of list) {
    yield before;
    yield* jsonBits(item);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

function* memberBits(members: { readonly [name: string]: LazyJson }): Generator<string> {
  let before = '{';
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    yield* jsonBits(value);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function isList(value: object): value is Iterable<LazyJson> {
  return Symbol.iterator in value;
}
