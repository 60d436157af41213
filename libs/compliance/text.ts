/** Text as canonical JSON can hold it: half of a surrogate pair has no bytes (RFC 8785 asks for I-JSON), and U+FFFD stands in its place. */
export function plainText(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
