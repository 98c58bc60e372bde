// Checks that a notification comes from Open Connectors. Needs nothing but Java 17.
//
// SIGNATURE_KEY=... java Verify.java standard ID TIMESTAMP SIGNATURE [NOW] < body
// SIGNATURE_KEY=... java Verify.java elements SIGNATURE < body

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    private static final long TOLERANCE = 5 * 60; // seconds

    /** The headers webhook-id, webhook-timestamp and webhook-signature. */
    static boolean verify(
            String key, String id, String timestamp, String signatures, byte[] body, long now)
            throws GeneralSecurityException {
        if (!timestamp.matches("[0-9]{1,15}")
                || Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
            return false;
        }
        String expected = "v1," + sign(keyBytes(key), bytes(id + "." + timestamp + "."), body);
        boolean genuine = false;
        // While keys are rotated there are two signatures, and one of them is ours.
        for (String one : signatures.split(" ")) {
            genuine |= same(expected, one);
        }
        return genuine;
    }

    /** The header Elements-Webhook-Signature, whose key is the text as it is. */
    static boolean verifyElements(String key, String signature, byte[] body)
            throws GeneralSecurityException {
        return same("sha256=" + sign(bytes(key), body), signature);
    }

    /** A key of the Standard Webhooks specification is base64 after `whsec_`, else text. */
    private static byte[] keyBytes(String key) {
        return key.startsWith("whsec_")
                ? Base64.getDecoder().decode(key.substring("whsec_".length()))
                : bytes(key);
    }

    private static String sign(byte[] key, byte[]... signed) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        for (byte[] part : signed) {
            mac.update(part);
        }
        return Base64.getEncoder().encodeToString(mac.doFinal());
    }

    private static boolean same(String expected, String given) {
        return MessageDigest.isEqual(bytes(expected), bytes(given));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    public static void main(String[] words) throws Exception {
        String key = System.getenv("SIGNATURE_KEY");
        byte[] body = System.in.readAllBytes();
        boolean genuine;
        if (words[0].equals("elements")) {
            genuine = verifyElements(key, words[1], body);
        } else {
            long now =
                    words.length > 4
                            ? Long.parseLong(words[4])
                            : System.currentTimeMillis() / 1000;
            genuine = verify(key, words[1], words[2], words[3], body, now);
        }
        System.out.println(genuine ? "genuine" : "refused");
        System.exit(genuine ? 0 : 1);
    }
}
