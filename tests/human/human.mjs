// The tests' human: an ordinary Matrix client, made of matrix-js-sdk and its Rust crypto, that
// shares no code with the bot. __init__.py drives it: one JSON request {id, op, ...} a line on
// stdin; on stdout one JSON line {id, ok} or {id, error} for each request, and {news, ...}
// whenever something happened.
import { createInterface } from "node:readline";
import * as sdk from "matrix-js-sdk";
import {
    AllDevicesIsolationMode,
    CryptoEvent,
    EventShieldColour,
    EventShieldReason,
    OnlySignedDevicesIsolationMode,
    VerificationPhase,
    VerificationRequestEvent,
    VerifierEvent,
    decodeRecoveryKey,
} from "matrix-js-sdk/lib/crypto-api/index.js";

// matrix-js-sdk asks for Node 22, and this is all that Node 20 lacks.
Promise.withResolvers ??= () => {
    const resolvers = {};
    resolvers.promise = new Promise((resolve, reject) =>
        Object.assign(resolvers, { resolve, reject }),
    );
    return resolvers;
};

// The SDK logs through console. Its lines would break our protocol, and they name tokens.
for (const level of ["trace", "debug", "log", "info", "warn", "error"]) console[level] = () => {};

const write = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const complain = (error) => write({ news: "complaint", text: problem(error).error });
process.on("unhandledRejection", complain);
process.on("uncaughtException", complain);

let client, crypto, me, password;

function problem(error) {
    const [line] = String(error?.data?.error ?? error?.message ?? error).split("\n");
    return { error: line, errcode: error?.errcode ?? null, status: error?.httpStatus ?? null };
}

// ---- what the human sees ----------------------------------------------------------------------

// One event as the human's screen would have it. An event that is not readable (yet) stays an
// m.room.encrypted without content: the SDK's own stand-in text would look like something said.
async function describe(event) {
    const encrypted = event.isEncrypted();
    const readable =
        !encrypted || (event.getClearContent() !== null && !event.isDecryptionFailure());
    const content = readable ? event.getOriginalContent() : {};
    const info = encrypted && readable ? await crypto.getEncryptionInfoForEvent(event) : null;
    return {
        event_id: event.getId(),
        room_id: event.getRoomId(),
        sender: event.getSender(),
        type: readable ? event.getType() : "m.room.encrypted",
        state_key: event.getStateKey() ?? null,
        content,
        new_content: event.replacingEvent()?.getOriginalContent()["m.new_content"] ?? null,
        relates_to: event.getWireContent()["m.relates_to"] ?? content["m.relates_to"] ?? null,
        encrypted,
        readable,
        failure: event.isDecryptionFailure() ? event.decryptionFailureReason : null,
        shield: info ? EventShieldColour[info.shieldColour].toLowerCase() : "none",
        shield_reason: info?.shieldReason == null ? null : EventShieldReason[info.shieldReason],
        redacted: event.isRedacted(),
        ts: event.getTs(),
    };
}

const told = new Map(); // event id -> what Python last heard of it
let telling = Promise.resolve();

// Describing takes a while; the chain keeps the events in their order of arrival.
function tell(event) {
    if (!event || event.status !== null) return; // our own, not back from the server yet
    telling = telling
        .then(async () => {
            const seen = await describe(event);
            const text = JSON.stringify(seen);
            if (told.get(seen.event_id) === text) return;
            told.set(seen.event_id, text);
            write({ news: "event", event: seen });
        })
        .catch(complain);
}

// A new device or identity changes the shields of what was read before.
function tellAgain(users) {
    for (const room of client.getRooms()) {
        for (const event of room.getLiveTimeline().getEvents()) {
            if (event.isEncrypted() && users.includes(event.getSender())) tell(event);
        }
    }
}

function listen() {
    client.on(sdk.RoomEvent.Timeline, (event, room, toStart) => toStart || tell(event));
    client.on(sdk.RoomEvent.LocalEchoUpdated, tell);
    client.on(sdk.RoomEvent.Redaction, (event, room) =>
        tell(room.findEventById(event.getAssociatedId())),
    );
    client.on(sdk.MatrixEventEvent.Decrypted, tell);
    client.on(sdk.MatrixEventEvent.Replaced, tell);
    client.on(sdk.RoomStateEvent.Members, (event, state, { roomId, userId, membership }) =>
        write({
            news: "member",
            room_id: roomId,
            user_id: userId,
            membership,
            by: event.getSender(),
        }),
    );
    client.on(CryptoEvent.DevicesUpdated, tellAgain);
    client.on(CryptoEvent.UserTrustStatusChanged, (user) => tellAgain([user]));
    client.on(CryptoEvent.VerificationRequestReceived, follow); // those in rooms, too
}

// ---- verification by emoji --------------------------------------------------------------------

// id -> request and verifier. The SDK itself holds a request only weakly: one that nobody else
// keeps is collected, and stands still.
const verifications = new Map();

// From here on Python hears of every change. Returns the request's id.
function follow(request) {
    const id = request.transactionId;
    verifications.set(id, { request, verifier: null });
    request.on(VerificationRequestEvent.Change, () => proceed(id));
    proceed(id);
    return id;
}

// Both sides need verify(), whoever sent the start: it answers the other's with an accept.
function proceed(id) {
    const verification = verifications.get(id);
    const { verifier } = verification.request;
    if (verifier && !verification.verifier) {
        verification.verifier = verifier;
        verifier.on(VerifierEvent.ShowSas, () => tellVerification(id));
        // It rejects on a cancellation, too, which the phase tells.
        verifier.verify().catch((error) => verifier.hasBeenCancelled || complain(error));
    }
    tellVerification(id);
}

// The emoji, and what to say to them: once they are shown they stay, also after the end.
const shown = (id) => verifications.get(id).verifier?.getShowSasCallbacks();

function tellVerification(id) {
    const { request } = verifications.get(id);
    const verification = {
        id,
        room_id: request.roomId ?? null,
        user_id: request.otherUserId,
        mine: request.initiatedByMe,
        phase: VerificationPhase[request.phase].toLowerCase(),
        emoji: shown(id)?.sas.emoji ?? null,
        cancel_code: request.cancellationCode,
        cancelled_by: request.cancellingUserId ?? null,
    };
    write({ news: "verification", verification });
}

function compared(id) {
    const callbacks = shown(id);
    if (!callbacks) throw new Error("there are no emoji to compare yet");
    return callbacks;
}

const steps = {
    accept: (id) => verifications.get(id).request.accept(),
    start: (id) => verifications.get(id).request.startVerification("m.sas.v1"),
    confirm: (id) => compared(id).confirm(),
    mismatch: (id) => compared(id).mismatch(),
    cancel: (id) => verifications.get(id).request.cancel(),
};

// ---- getting started --------------------------------------------------------------------------

const raw = (method, path, body) =>
    client.http.authedRequest(method, path, undefined, body, { prefix: "" });

// Resolves once `ready` holds after some sync response has been taken in completely.
async function synced(ready) {
    for (;;) {
        const next = new Promise((resolve) => client.once(sdk.ClientEvent.Sync, resolve));
        if (await ready()) return;
        await next;
    }
}

// Who signed our device, as the server shows it to others; null if it does not show it.
async function signers() {
    const { user_id, device_id } = me;
    const query = { device_keys: { [user_id]: [] } };
    const keys = await raw("POST", "/_matrix/client/v3/keys/query", query);
    const signatures = keys.device_keys?.[user_id]?.[device_id]?.signatures[user_id];
    const identity = Object.keys(keys.self_signing_keys?.[user_id]?.keys ?? {})[0];
    return signatures ? { device: true, identity: identity in signatures } : null;
}

// Resolves once the server shows our device (signed by our identity): before that a message to us
// is lost, and one from us is refused by strict readers.
async function published(by) {
    while (!(await signers())?.[by]) await new Promise((resolve) => setTimeout(resolve, 20));
}

// What the server wants to see before it replaces an identity.
async function byPassword(request) {
    try {
        return await request(null);
    } catch (error) {
        if (!error.data?.session || !password) throw error;
        const identifier = { type: "m.id.user", user: me.user_id };
        return await request({
            type: "m.login.password",
            identifier,
            password,
            session: error.data.session,
        });
    }
}

async function login(baseUrl, { user_id, access_token, device_id }) {
    if (access_token) {
        const whoami = await sdk.createClient({ baseUrl, accessToken: access_token }).whoami();
        return { ...whoami, access_token };
    }
    const identifier = { type: "m.id.user", user: user_id };
    const request = {
        type: "m.login.password",
        identifier,
        password,
        device_id: device_id ?? undefined,
    };
    return await sdk.createClient({ baseUrl }).loginRequest(request);
}

async function start({ homeserver, strict, bootstrap, recovery, recovery_key, ...account }) {
    password = account.password;
    me = await login(homeserver, account);
    let storageKey = recovery_key ? decodeRecoveryKey(recovery_key) : null;
    client = sdk.createClient({
        baseUrl: homeserver,
        userId: me.user_id,
        accessToken: me.access_token,
        deviceId: me.device_id,
        disableVoip: true,
        cryptoCallbacks: {
            getSecretStorageKey: async ({ keys }) =>
                storageKey && [Object.keys(keys)[0], storageKey],
            cacheSecretStorageKey: (id, info, key) => (storageKey = key),
        },
    });
    if (await signers()) {
        throw new Error(`${me.device_id} had keys before, which are lost: take a new device`);
    }
    await client.initRustCrypto({ useIndexedDB: false }); // Node has no IndexedDB
    crypto = client.getCrypto();
    crypto.setDeviceIsolationMode(
        strict ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false),
    );
    listen();
    // Detached: our own events come into the timeline where the server put them.
    const pendingEventOrdering = sdk.PendingEventOrdering.Detached;
    await client.startClient({
        lazyLoadMembers: false,
        initialSyncLimit: 50,
        pendingEventOrdering,
    });
    await synced(() => client.isInitialSyncComplete());
    await published("device");
    if (bootstrap) {
        // Asks the server, too: a recovery key opens only an identity that the SDK has heard of.
        const known = await crypto.userHasCrossSigningKeys();
        if (known && !recovery_key) {
            throw new Error("the user has an identity: give recovery_key or bootstrap=False");
        }
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: byPassword });
        await published("identity");
    }
    let made = null;
    if (recovery) {
        made = await crypto.createRecoveryKeyFromPassphrase();
        await crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => made });
    }
    const { user_id, device_id, access_token } = me;
    return {
        user_id,
        device_id,
        access_token,
        recovery_key: made?.encodedPrivateKey ?? recovery_key,
    };
}

// ---- what the human does ----------------------------------------------------------------------

// The SDK sends in clear into a room it has not heard of yet; a human cannot do that.
function joined(room_id) {
    const room = client.getRoom(room_id);
    if (room?.getMyMembership() !== "join") throw new Error(`not in the room ${room_id}`);
    return room;
}

const inRoom = (room_id) => client.getRoom(room_id)?.getMyMembership() === "join";

const ops = {
    start,
    async stop() {
        client?.stopClient();
    },
    async join({ room_id }) {
        await client.joinRoom(room_id);
        await synced(() => inRoom(room_id));
    },
    async create({ options, encrypted }) {
        const { room_id } = await client.createRoom(options);
        // The rest of a new room may come in later syncs than our own joining of it.
        await synced(
            async () =>
                inRoom(room_id) &&
                options.invite.every((user) => client.getRoom(room_id).getMember(user)) &&
                (!encrypted || (await crypto.isEncryptionEnabledInRoom(room_id))),
        );
        return room_id;
    },
    async send({ room_id, type, content }) {
        joined(room_id);
        return (await client.sendEvent(room_id, type, content)).event_id;
    },

    // Element's "Retry": the same event again, with the same transaction id. Nothing else can be
    // sent to the room before.
    async retry({ room_id }) {
        const room = client.getRoom(room_id);
        let sent = null;
        for (const event of [...room.getPendingEvents()])
            if (event.status === "not_sent") sent = await client.resendEvent(event, room);
        return sent?.event_id ?? null;
    },
    async redact({ room_id, event_id, reason }) {
        joined(room_id);
        return (await client.redactEvent(room_id, event_id, undefined, reason ? { reason } : {}))
            .event_id;
    },
    raw: ({ method, path, body }) => raw(method, path, body ?? undefined),

    // What the keys that we have make of an event, wherever it was seen.
    async open({ event }) {
        const seen = new sdk.MatrixEvent(event);
        await client.decryptEventIfNeeded(seen);
        return await describe(seen);
    },
    async reset() {
        await crypto.bootstrapCrossSigning({
            setupNewCrossSigning: true,
            authUploadDeviceSigningKeys: byPassword,
        });
        await published("identity");
    },
    async only_verified({ on }) {
        // The SDK heeds this in the older isolation mode only.
        crypto.setDeviceIsolationMode(new AllDevicesIsolationMode(false));
        crypto.globalBlacklistUnverifiedDevices = on;
    },
    async device({ user_id, device_id }) {
        const status = await crypto.getDeviceVerificationStatus(user_id, device_id);
        return (
            status && {
                signed_by_owner: status.signedByOwner,
                cross_signing_verified: status.crossSigningVerified,
                locally_verified: status.localVerified,
                verified: status.isVerified(),
            }
        );
    },
    async verify({ room_id, user_id }) {
        joined(room_id);
        // Asks the server, too: the SDK cannot verify somebody it has not heard of.
        if (!(await crypto.userHasCrossSigningKeys(user_id, true))) {
            throw new Error(`${user_id} has no identity to verify`);
        }
        return follow(await crypto.requestVerificationDM(user_id, room_id));
    },
    async verification({ verification, step }) {
        await steps[step](verification);
    },
    async user({ user_id }) {
        const status = await crypto.getUserVerificationStatus(user_id);
        return {
            known: status.known,
            verified: status.isCrossSigningVerified(),
            was_verified: status.wasCrossSigningVerified(),
            needs_approval: status.needsUserApproval,
        };
    },
};

async function serve(line) {
    const { id, op, ...args } = JSON.parse(line);
    try {
        write({ id, ok: (await ops[op](args)) ?? null });
    } catch (error) {
        write({ id, ...problem(error) });
    }
    if (op === "stop") process.exit(0);
}

createInterface({ input: process.stdin })
    .on("line", serve)
    .on("close", () => process.exit(0)); // Python is gone
