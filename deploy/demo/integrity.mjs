// Prints the published packages of the demonstration: name, version, purl, integrity and digest of each.
// Usage: node deploy/demo/integrity.mjs [alias…]
import { publishedPackage } from '../steps/lib/published-package.mjs';

const aliases = process.argv.length > 2 ? process.argv.slice(2) : ['sirv-cli-2', 'sirv-cli-3'];
try {
  console.log(JSON.stringify(aliases.map((alias) => publishedPackage(alias))));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
