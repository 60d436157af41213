/** Text as canonical JSON can hold it: half of a surrogate pair has no bytes (RFC 8785 asks for I-JSON), and U+FFFD stands in its place. */
export function plainText(text: unknown): string {
  // Only what was appended around Plimsoll can be something else.
  return (typeof text === 'string' ? text : (JSON.stringify(text) ?? '')).replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Whether a person is no person but a part of the program that acts by itself. */
export function isProgram(person: string): boolean {
  return person.startsWith('system:') || person.startsWith('process:');
}
