import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** An element of a document: no namespaces, comments and instructions left out, entities resolved. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text directly in it, trimmed. */
  readonly text: string;
}

export class XmlError extends Error {
  override readonly name = 'XmlError';
  constructor(
    readonly code: 'encoding' | 'doctype' | 'depth' | 'malformed',
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads XML that may come from an enemy. UTF-8 only; a document type declaration is refused before the parser sees the text, so there is no
 * entity to expand and no address to fetch; nesting is limited. The caller caps the size.
 * @throws XmlError
 */
export function readXml(bytes: Uint8Array, maxDepth: number): XmlElement {
  const text = decode(bytes);
  scan(text, maxDepth);
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new XmlError('malformed', `The XML is not well-formed at line ${valid.err.line}: ${valid.err.msg}`);
  let roots: XmlElement[];
  try {
    roots = (parser.parse(text) as OrderedNode[]).flatMap(elementOf);
  } catch (error) {
    throw new XmlError('malformed', `The XML can't be read: ${error instanceof Error ? error.message : 'the parser gave up'}`);
  }
  const [root] = roots;
  if (!root || roots.length > 1) throw new XmlError('malformed', 'The XML does not have exactly one root element.');
  return root;
}

function decode(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes); // drops a byte order mark
  } catch {
    throw new XmlError('encoding', 'The XML is not UTF-8.');
  }
  const declared = /^<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']/.exec(text)?.[1];
  if (declared !== undefined && !/^(utf-?8|us-ascii)$/i.test(declared)) {
    throw new XmlError('encoding', `The XML declares the encoding ${declared}; UTF-8 is accepted.`);
  }
  // eslint-disable-next-line no-control-regex -- XML 1.0 (2.2) allows no other control characters
  if (/[\0-\x08\x0b\x0c\x0e-\x1f]/.test(text)) throw new XmlError('malformed', 'The XML holds control characters that XML does not allow.');
  return text;
}

/** One pass over the markup, before any parser: comments and CDATA are skipped, every other `<!` is a declaration and refused. */
function scan(text: string, maxDepth: number): void {
  let depth = 0;
  let at = text.indexOf('<');
  while (at !== -1) {
    let end: number;
    if (text.startsWith('<!--', at)) end = after(text, '-->', at + 4);
    else if (text.startsWith('<![CDATA[', at)) end = after(text, ']]>', at + 9);
    else if (text.startsWith('<?', at)) end = after(text, '?>', at + 2);
    else if (text.startsWith('<!', at))
      throw new XmlError('doctype', 'The XML declares a DOCTYPE, an ENTITY or the like; none is accepted.');
    else {
      end = tagEnd(text, at);
      if (text[at + 1] === '/') depth -= 1;
      else if (text[end - 2] !== '/') depth += 1;
      if (depth > maxDepth) throw new XmlError('depth', `The XML is nested more than ${maxDepth} deep.`);
    }
    at = text.indexOf('<', end);
  }
  if (depth !== 0) throw new XmlError('malformed', 'The XML breaks off: not every element is closed.');
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  if (at === -1) throw new XmlError('malformed', `The XML breaks off: "${mark}" is missing.`);
  return at + mark.length;
}

/** The place after a tag's `>`, where quoted attribute values may hold one. */
function tagEnd(text: string, from: number): number {
  let quote = '';
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text[at]!;
    if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '<') break;
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return at + 1;
    else if (character === '<') break;
  }
  throw new XmlError('malformed', 'The XML breaks off inside of a tag.');
}

/** What the parser gives with `preserveOrder`: `{ name: children, ':@': attributes }`, or `{ '#text': text }`. */
type OrderedNode = Readonly<Record<string, unknown>>;

const CDATA = '#cdata';
const TEXT = '#text';
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false, // ours, below: five names and numbers, nothing that grows
  cdataPropName: CDATA,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 1_000, // the limit is kept by scan()
});

function elementOf(node: OrderedNode): XmlElement[] {
  const name = Object.keys(node).find((key) => key !== ':@');
  if (name === undefined || name === TEXT) return [];
  const content = node[name] as OrderedNode[];
  const attributes = Object.entries((node[':@'] ?? {}) as Record<string, unknown>).map(
    ([key, value]) => [key, resolve(String(value))] as const,
  );
  return [
    {
      name,
      attributes: new Map(attributes),
      children: content.flatMap((child) => (CDATA in child ? [] : elementOf(child))),
      text: textOf(content),
    },
  ];
}

function textOf(content: readonly OrderedNode[]): string {
  const parts = content.map((child) => {
    if (TEXT in child) return resolve(String(child[TEXT]));
    if (CDATA in child) return (child[CDATA] as OrderedNode[]).map((part) => String(part[TEXT] ?? '')).join('');
    return '';
  });
  return parts.join('').trim();
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The predefined entities and character references (XML 1.0, 4.1 and 4.6). */
function resolve(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([^;&\s]{0,64}));?/g, (whole, decimal?: string, hex?: string, name?: string) => {
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
    if (!whole.endsWith(';')) throw new XmlError('malformed', 'The XML has an ampersand that begins no entity.');
    if (code !== undefined && code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) return String.fromCodePoint(code);
    if (name !== undefined && Object.hasOwn(NAMED, name)) return NAMED[name]!;
    throw new XmlError('malformed', `The XML uses ${whole}, which is no predefined entity.`);
  });
}
