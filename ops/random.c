/* Uniform random numbers as a pure function of where they stand.
 *
 * An element is keyed by (seed, stream, absolute index on every axis, element number) and by
 * nothing else, so any cut into blocks, any number of threads and any recomputation give the same
 * numbers. The function is Philox4x32-10, written here in instructions so that it runs inside
 * whatever loop reads it; it equals rng_philox.
 *
 * Which words go where: key = (seed, low half of the stream). The counter takes the words element,
 * index 0, index 1, ..., and at the end the stream's high half if that is not 0; missing words are
 * 0. Words beyond the fourth start another Philox: key = first two words of the result so far,
 * counter = (its third word, next three words). */
#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

static body_ref word(body *b, uint32_t value) {
    return body_constant_integer(b, BODY_I32, (int32_t)value);
}

static void philox(body *b, const body_ref key[2], const body_ref counter[4], body_ref out[4]) {
    body_ref k0 = key[0], k1 = key[1], c[4] = {counter[0], counter[1], counter[2], counter[3]};
    body_ref m0 = word(b, 0xD2511F53u), m1 = word(b, 0xCD9E8D57u);
    for (int round = 0; round < 10; round++) {
        body_ref high0 = body_mulhi(b, m0, c[0]), low0 = body_mul(b, m0, c[0]);
        body_ref high1 = body_mulhi(b, m1, c[2]), low1 = body_mul(b, m1, c[2]);
        c[0] = body_xor(b, body_xor(b, high1, c[1]), k0);
        c[1] = low1;
        c[2] = body_xor(b, body_xor(b, high0, c[3]), k1);
        c[3] = low0;
        k0 = body_add(b, k0, word(b, 0x9E3779B9u));
        k1 = body_add(b, k1, word(b, 0xBB67AE85u));
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

static body_ref random_body(body *b, const op_node *n, const body_ref *arguments,
                            body_ref element) {
    uint64_t stream = n->attributes.stream;
    body_ref words[LIMIT_ARGUMENTS + 1], out[4];
    int count = 0;
    words[count++] = element;
    for (int i = 1; i < n->count; i++)
        words[count++] = arguments[i];
    if (stream >> 32)
        words[count++] = word(b, (uint32_t)(stream >> 32));

    body_ref key[2] = {arguments[0], word(b, (uint32_t)stream)}, zero = word(b, 0);
    body_ref counter[4] = {zero, zero, zero, zero};
    for (int i = 0; i < 4 && i < count; i++)
        counter[i] = words[i];
    philox(b, key, counter, out);
    for (int next = 4; next < count; next += 3) {
        counter[0] = out[2];
        for (int i = 0; i < 3; i++)
            counter[1 + i] = next + i < count ? words[next + i] : zero;
        key[0] = out[0], key[1] = out[1];
        philox(b, key, counter, out);
    }

    if (n->dtype == DTYPE_F32) {
        body_ref bits = body_cast(b, body_shr(b, out[0], word(b, 8)), BODY_F32);
        return body_mul(b, bits, body_constant(b, BODY_F32, 0x1p-24));
    }
    /* 27 + 26 bits; both parts and their sum are exact. */
    body_ref high = body_cast(b, body_shr(b, out[0], word(b, 5)), BODY_F64);
    body_ref low = body_cast(b, body_shr(b, out[1], word(b, 6)), BODY_F64);
    body_ref bits = body_fma(b, high, body_constant(b, BODY_F64, 0x1p26), low);
    return body_mul(b, bits, body_constant(b, BODY_F64, 0x1p-53));
}

static bool random_infer(op_builder *b, op_node *n) {
    const op_attributes *a = &n->attributes;
    if (a->dtype != DTYPE_F32 && a->dtype != DTYPE_F64)
        return op_fail(b, STATUS_SHAPE, "random: makes f32 or f64, not %s",
                       a->dtype >= 0 && a->dtype < DTYPE_COUNT ? dtype_name((dtype)a->dtype)
                                                               : "a dtype that does not exist");
    for (int i = 0; i < n->count; i++) {
        const char *what = i == 0 ? "the seed" : "an index";
        if (!infer_is_integer(b, n, i, what) || !infer_is_scalar(b, n, i, what))
            return false;
    }
    if (!infer_shape(b, n, &a->shape))
        return false;
    if (op_shape_elements(&a->shape) > INT32_MAX)
        return op_fail(b, STATUS_SIZE, "random: %s has more than 2^31 - 1 elements",
                       op_describe_shape(b, &a->shape));
    n->dtype = (uint8_t)a->dtype;
    n->shape = a->shape;
    n->domain = infer_join(n);
    return true;
}

const op_info op_record_RANDOM = {
    OP_RECORD(RANDOM),
    .infer = random_infer,
    .body = random_body,
    .formula = "y = philox(seed, stream, element, index...)",
    .adjoint_formula = "",
    .about =
        "Uniform in [0, 1), a pure function of seed, stream, the absolute index on each axis "
        "and the element's number (Philox4x32-10). f32 has 24 random bits, f64 has 53.",
    .sample = {.low = 0, .high = 1}};
