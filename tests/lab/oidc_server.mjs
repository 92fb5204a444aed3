// npm's oidc-provider as the sign-in service of one tenant, over TLS on a free loopback port.
//
// Reads one line of JSON: folder (of node_modules), tenant, key, certificate (PEM), clientId, secret, jwk, roles, scopes.
// Prints {"port": ...} when it serves. Then takes commands, one line each: "approve CODE", "deny CODE"; ends with its input.

import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

console.info = console.warn = console.error; // standard output is for the one who started us
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = JSON.parse((await lines.next()).value);
const { Provider } = await import(pathToFileURL(join(told.folder, 'node_modules/oidc-provider/lib/index.js')));

const GRAPH = 'https://graph.microsoft.com';
const SCOPE = `${GRAPH}/.default`;
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const prefix = `/${told.tenant}/v2.0`;
const unused = { response_types: [], redirect_uris: [] };
const app = { ...unused, grant_types: ['client_credentials'], scope: SCOPE };

let serve = (req, res) => res.end();
const server = createServer({ key: told.key, cert: told.certificate }, (req, res) => serve(req, res));
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const { port } = server.address();

const provider = new Provider(`https://localhost:${port}${prefix}`, {
  clients: [
    { ...app, client_id: told.clientId, client_secret: told.secret, token_endpoint_auth_method: 'client_secret_post' },
    {
      ...app,
      client_id: `${told.clientId}-certificate`,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [told.jwk] },
    },
    {
      ...unused,
      client_id: `${told.clientId}-device`,
      token_endpoint_auth_method: 'none',
      grant_types: [DEVICE, 'refresh_token'],
      application_type: 'native',
    },
  ],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256'] },
  scopes: ['openid', 'profile', 'offline_access', SCOPE],
  claims: { openid: ['sub'], profile: ['name'] },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => GRAPH,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: SCOPE, accessTokenFormat: 'jwt', accessTokenTTL: 3600 }),
    },
  },
  interactions: { url: () => '/never' },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'Alice' }) }),
  extraTokenClaims: (ctx, token) => (token.kind === 'ClientCredentials'
    ? { tid: told.tenant, roles: told.roles }
    : { tid: told.tenant, scp: told.scopes.join(' ') }),
});

const callback = provider.callback();
serve = (req, res) => {
  if (!req.url.startsWith(`${prefix}/`)) {
    res.writeHead(400, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ error: 'invalid_tenant', error_description: 'AADSTS90002: Tenant not found.', error_codes: [90002] }));
    return;
  }
  req.originalUrl = req.url;
  req.url = req.url.slice(prefix.length);
  callback(req, res);
};
console.log(JSON.stringify({ port }));

for await (const line of lines) {
  const [verb, code] = line.split(' ');
  const found = await provider.DeviceCode.findByUserCode(code.replace(/-/g, ''));
  if (verb === 'deny') {
    Object.assign(found, { error: 'access_denied', errorDescription: 'the person said no' });
  } else {
    const grant = new provider.Grant({ clientId: found.clientId, accountId: 'alice' });
    grant.addOIDCScope('openid profile offline_access');
    grant.addResourceScope(GRAPH, SCOPE);
    Object.assign(found, {
      accountId: 'alice',
      authTime: Math.floor(Date.now() / 1000),
      claims: {},
      grantId: await grant.save(),
      resource: GRAPH,
      scope: found.params.scope,
    });
  }
  await found.save();
  console.log(JSON.stringify({ done: verb }));
}
process.exit(0);
