import { Injectable, type PipeTransform } from '@nestjs/common';
import { ProblemError } from './problem.ts';

/** An id in a path, which becomes part of a stream's name: `@Param('id', IdPipe) id: string`. */
@Injectable()
export class IdPipe implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(value)) return value;
    const problem = 'An id is 1 to 128 letters, digits and . _ ~ - and begins with a letter or a digit.';
    throw new ProblemError(400, 'validation', problem, { errors: [{ path: 'id', problems: [problem] }] });
  }
}
