import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';

/** Gives answers that are an aggregate's state their ETag: the stream's revision, as If-Match takes it. */
@Injectable()
export class AggregateEtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      map((answer: unknown) => {
        if (typeof answer === 'object' && answer !== null && 'stream' in answer && 'revision' in answer && 'recordedAt' in answer) {
          context
            .switchToHttp()
            .getResponse<{ header(name: string, value: string): void }>()
            .header('etag', `"${String(answer.revision)}"`);
        }
        return answer;
      }),
    );
  }
}
