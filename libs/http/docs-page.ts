import type { OpenAPIObject } from '@nestjs/swagger';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name?: string;
    readonly in?: string;
    readonly required?: boolean;
    readonly schema?: unknown;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
  readonly security?: readonly unknown[];
}

/** The document as a page that needs no script and no other host. */
export function docsPage(document: OpenAPIObject): string {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as Operation | undefined;
      return operation ? [operationHtml(path, method, operation)] : [];
    }),
  );
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) => `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary>${json(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(document.info.title)} API</title><style>${STYLE}</style></head>
<body>
<main>
<h1>${escape(document.info.title)} <small>${escape(document.info.version)}</small></h1>
<p>${escape(document.info.description ?? '')} The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>
<h2>Operations</h2>
${operations.join('\n')}
<h2>Schemas</h2>
${schemas.join('\n')}
</main>
</body>
</html>
`;
}

function operationHtml(path: string, method: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    (p) =>
      `<tr><td><code>${escape(p.name ?? '')}</code></td><td>${escape(p.in ?? '')}${p.required ? ', required' : ''}</td><td>${escape(p.description ?? '')} <code>${escape(JSON.stringify(p.schema ?? {}))}</code></td></tr>`,
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<p>Body, ${escape(type)}:</p>${json(schema)}`,
  );
  const answers = Object.entries(operation.responses ?? {}).map(
    ([status, { description }]) => `<li>${escape(status)} ${escape(description ?? '')}</li>`,
  );
  const isPublic = operation.security?.length === 0;
  return `<details>
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(operation.summary ?? '')}${isPublic ? ' <i>public</i>' : ''}</summary>
${operation.description ? `<p>${escape(operation.description)}</p>` : ''}
${parameters.length > 0 ? `<table>${parameters.join('')}</table>` : ''}
${bodies.join('')}
<ul>${answers.join('')}</ul>
</details>`;
}

/** A schema as text; what it refers to is a link. */
function json(value: unknown): string {
  const text = escape(JSON.stringify(value ?? {}, undefined, 2));
  return `<pre>${text.replace(/#\/components\/schemas\/([A-Za-z0-9_.-]+)/g, '<a href="#schema-$1">$&</a>')}</pre>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border-bottom: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 4rem; }
pre { overflow: auto; padding: .75rem; background: #8881; border-radius: .4rem; }
table { border-collapse: collapse; } td { padding: .2rem .8rem .2rem 0; vertical-align: top; }
code, pre { font: .9em ui-monospace, monospace; }
`;
