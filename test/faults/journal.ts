/** How the server answered a command. */
export interface Answer {
  readonly status: number;
  readonly commandId: string;
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: bigint;
  /** The server said that it had been carried out before. */
  readonly repeated: boolean;
}

/** A refusal, with its stable type. */
export interface RefusalAnswer {
  readonly status: number;
  readonly commandId: string | undefined;
  readonly type: string;
  readonly detail: string;
}

/** A command that a client means to have carried out, under one key however often it must be repeated. */
export interface Intent {
  readonly key: string;
  readonly path: string;
  readonly body: unknown;
  /** Whether the product records refusals of it as events. */
  readonly governed: boolean;
  /** How often it was sent without hearing what became of it. */
  unknown: number;
  answer?: Answer;
  refusal?: RefusalAnswer;
}

/** Everything that clients asked for and were told. What is in it is what the product must keep. */
export class Journal {
  readonly intents: Intent[] = [];
  /** Outside events of which the product said that it has taken them, and understands them. */
  readonly receipts: { readonly receiptId: string; readonly position: bigint }[] = [];

  begin(intent: Omit<Intent, 'unknown'>): Intent {
    const begun: Intent = { ...intent, unknown: 0 };
    this.intents.push(begun);
    return begun;
  }

  get acknowledged(): readonly (Intent & { answer: Answer })[] {
    return this.intents.filter((i): i is Intent & { answer: Answer } => i.answer !== undefined);
  }

  get refused(): readonly (Intent & { refusal: RefusalAnswer })[] {
    return this.intents.filter((i): i is Intent & { refusal: RefusalAnswer } => i.refusal !== undefined);
  }
}
