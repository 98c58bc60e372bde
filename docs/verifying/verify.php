<?php
// Checks that a notification comes from Open Connectors. Needs nothing but PHP 8.
//
// SIGNATURE_KEY=... php verify.php standard ID TIMESTAMP SIGNATURE [NOW] < body
// SIGNATURE_KEY=... php verify.php elements SIGNATURE < body

declare(strict_types=1);

const TOLERANCE = 5 * 60; // seconds

function sign(string $key, string $signed): string
{
    return base64_encode(hash_hmac('sha256', $signed, $key, true));
}

/** A key of the Standard Webhooks specification is base64 after `whsec_`, else text. */
function key_bytes(string $key): string
{
    return str_starts_with($key, 'whsec_') ? base64_decode(substr($key, strlen('whsec_'))) : $key;
}

/** The headers webhook-id, webhook-timestamp and webhook-signature. */
function verify(string $key, string $id, string $timestamp, string $signatures, string $body, int $now): bool
{
    if (!preg_match('/^[0-9]{1,15}$/D', $timestamp) || abs($now - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    $expected = 'v1,' . sign(key_bytes($key), "$id.$timestamp.$body");
    $genuine = false;
    // While keys are rotated there are two signatures, and one of them is ours.
    foreach (explode(' ', $signatures) as $one) {
        $genuine = hash_equals($expected, $one) || $genuine;
    }
    return $genuine;
}

/** The header Elements-Webhook-Signature, whose key is the text as it is. */
function verify_elements(string $key, string $signature, string $body): bool
{
    return hash_equals('sha256=' . sign($key, $body), $signature);
}

$key = (string) getenv('SIGNATURE_KEY');
$body = (string) file_get_contents('php://stdin');
$genuine = $argv[1] === 'elements'
    ? verify_elements($key, $argv[2], $body)
    : verify($key, $argv[2], $argv[3], $argv[4], $body, (int) ($argv[5] ?? time()));
echo $genuine ? "genuine\n" : "refused\n";
exit($genuine ? 0 : 1);
