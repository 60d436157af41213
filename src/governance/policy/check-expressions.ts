import { expressionHost, ExpressionsTimedOut } from '#libs/policy';
import { expressionsOf, type ExpressionFindings, type PolicyContents } from './policy-contents.ts';

/** What is wrong with a policy's expressions; found apart from the program and with a deadline, since what is read here is hostile. */
export async function checkExpressions(contents: PolicyContents): Promise<ExpressionFindings> {
  const asked = expressionsOf(contents);
  if (asked.texts.length === 0) return { problems: [] };
  try {
    return { problems: await expressionHost.check(asked) };
  } catch (error) {
    if (!(error instanceof ExpressionsTimedOut)) throw error;
    return { problems: [{ code: 'expression-undecided', detail: `The expressions could not be judged: ${error.message}`, text: '' }] };
  }
}
