import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Inject, Injectable, Optional, SetMetadata, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { catchError, from, mergeMap, type Observable } from 'rxjs';
import { csvOf } from '#libs/csv';
import { holdsSealedText, RefusedError, SEALED_TEXT_MARK } from '#libs/event-sourcing';
import { ERASED, type TextRevealer } from '#libs/privacy';
import { ProblemError } from './problem.ts';
import { headerOf, replyOf, requestOf } from './request.ts';

/** Injection token of a `TextRevealer`; without one, sealed text is answered as it is stored. */
export const TEXT_REVEALER = Symbol('TEXT_REVEALER');

const AS_STORED = 'plimsoll:as-stored';

/** The answer is proved by its bytes, so that sealed text in it stays sealed. */
export const AsStored = (): MethodDecorator => SetMetadata(AS_STORED, true);

/**
 * Opens sealed text (principle 13) where it leaves the house, and nowhere before: what is stored, also of answers, stays sealed, so that a key
 * that is destroyed takes effect everywhere at once. Opens it in JSON and in text of any type; bytes (a Buffer or a stream), which may be proved by a
 * digest, only for who asks with `Plimsoll-Text: revealed`. A refusal may quote text, such as why a change was withdrawn: it is opened, too.
 */
@Injectable()
export class RevealInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    @Optional() @Inject(TEXT_REVEALER) private readonly revealer?: TextRevealer,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { revealer } = this;
    if (!revealer) return next.handle();
    const request = requestOf(context);
    // Or somebody who has read sealed text where it is stored could have it opened by having it repeated to her.
    if ([request.body, request.query, request.params].some((part) => isPlain(part) && holdsSealedText(part))) {
      throw new ProblemError(
        422,
        'sealed-text',
        'A text has in it what only Plimsoll writes: the seal of a text. Say it in your own words.',
      );
    }
    if (this.reflector.get<boolean | undefined>(AS_STORED, context.getHandler())) return next.handle();
    return next.handle().pipe(
      mergeMap((value: unknown) => from(this.opened(context, revealer, value))),
      catchError((error: unknown) => from(rejected(error, revealer))),
    );
  }

  private async opened(context: ExecutionContext, revealer: TextRevealer, value: unknown): Promise<unknown> {
    const contentType = String(replyOf(context).getHeader('content-type') ?? 'text/plain');
    if (typeof value === 'string') return await revealTyped(value, contentType, revealer);
    if (!(value instanceof Uint8Array || value instanceof Readable)) return await revealIn(value, revealer);
    if (headerOf(requestOf(context), 'plimsoll-text') !== 'revealed') return value;
    const text = (value instanceof Uint8Array ? Buffer.from(value) : await buffer(value)).toString('utf8');
    replyOf(context).removeHeader('content-length');
    return Buffer.from(await revealTyped(text, contentType, revealer));
  }
}

/** Rejects with the error, with what persons wrote opened where it is a refusal: its denial, and the answer that a repeat gets, stay sealed. */
async function rejected(error: unknown, revealer: TextRevealer): Promise<never> {
  if (!(error instanceof RefusedError)) throw error;
  const refusal = await revealIn(error.refusal, revealer);
  throw refusal === error.refusal ? error : new RefusedError(refusal, error.denialPosition);
}

/** The JSON value with sealed text opened in all its strings; the value itself where there is none. */
export async function revealIn<T>(value: T, revealer: TextRevealer): Promise<T> {
  const texts: string[] = [];
  collect(value, texts);
  if (texts.length === 0) return value;
  const opened = await revealer.reveal(texts);
  return replaced(value, new Map(texts.map((text, n) => [text, opened[n] ?? ERASED]))) as T;
}

/** A text of a media type with sealed text opened, as that type has it written. */
export async function revealTyped(text: string, contentType: string, revealer: TextRevealer): Promise<string> {
  if (!text.includes(SEALED_TEXT_MARK)) return text;
  if (/^text\/csv\b/i.test(contentType)) return await revealCsv(text, revealer);
  const escape = /[/+]json\b/i.test(contentType) ? asJson : /^text\/html\b|[/+]xml\b/i.test(contentType) ? asHtml : undefined;
  return (await revealer.reveal([text], escape))[0] ?? '';
}

function asJson(opened: string): string {
  return JSON.stringify(opened).slice(1, -1);
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function asHtml(opened: string): string {
  return opened.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
}

/** Cells are opened one by one, and written as a cell is written: what somebody wrote must not end a cell, or begin a formula. */
async function revealCsv(text: string, revealer: TextRevealer): Promise<string> {
  const records = recordsOf(text);
  const cells = await revealer.reveal(records.flat());
  let at = 0;
  const rows = records.map((record) => Object.fromEntries(record.map((_cell, n) => [String(n), cells[at++]])));
  const columns = Array.from({ length: Math.max(0, ...records.map((record) => record.length)) }, (_, n) => String(n));
  // Without the header that it would have: the table has its own.
  return csvOf(columns, rows).slice(`${columns.join(',')}\r\n`.length);
}

/** RFC 4180, as `csvOf` writes it. */
function recordsOf(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    record.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (end === '\r\n' || record.some((cell) => cell !== '')) records.push(record);
    record = [];
  }
  return records;
}

function collect(value: unknown, into: string[]): void {
  if (typeof value === 'string') {
    if (value.includes(SEALED_TEXT_MARK)) into.push(value);
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, into);
  } else if (isPlain(value)) {
    for (const item of Object.values(value)) collect(item, into);
  }
}

function replaced(value: unknown, opened: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return opened.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => replaced(item, opened));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, opened)]));
}

/** Neither bytes nor a stream nor a time: an object that is written as JSON member by member. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return false;
  return !('pipe' in value && typeof value.pipe === 'function') && !('toJSON' in value);
}
