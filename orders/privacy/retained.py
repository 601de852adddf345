"""What of each kind of row is personal and ends with its period: names, phones, addresses go; counts and amounts stay.

A statement each: `:before` is the moment before which something must have ended, `:most` rows at a time.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import TextClause, text

ERASE: Final[Mapping[str, TextClause]] = {
    "delivery": text("""
UPDATE delivery SET name = NULL, phone = NULL, street = NULL, postcode = NULL, erased_at = :now
WHERE id IN (SELECT d.id FROM delivery d JOIN shop_order o ON o.id = d.order_id
    WHERE d.erased_at IS NULL AND o.placed_at < :before LIMIT :most)
"""),
    "bulk_recipient": text("""
UPDATE bulk_recipient SET name = NULL, phone = NULL, street = NULL, erased_at = :now
WHERE id IN (SELECT r.id FROM bulk_recipient r JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
    "bulk_member": text("""
UPDATE bulk_member SET name = NULL, staff_number = NULL, link_sha256 = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT m.purchase_id, m.person_id FROM bulk_member m
    JOIN bulk_purchase p ON p.id = m.purchase_id
    WHERE m.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
    "bulk_site": text("""
UPDATE bulk_site SET contact_name = NULL, contact_phone = NULL
WHERE id IN (SELECT s.id FROM bulk_site s JOIN bulk_purchase p ON p.id = s.purchase_id
    WHERE (s.contact_name IS NOT NULL OR s.contact_phone IS NOT NULL) AND p.changed_at < :before LIMIT :most)
"""),
    "roll_row": text("""
UPDATE roll_row SET proxy_name = NULL, note = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT r.purchase_id, r.person_id FROM roll_row r
    JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
    # Not used for an order since.
    "address": text("""
DELETE FROM address WHERE id IN (SELECT id FROM address WHERE used_at < :before LIMIT :most)
"""),
    # Who belongs nowhere, has bought nothing and holds no role since. His account cannot sign in any more.
    "account": text("""
WITH gone AS (
    SELECT p.id FROM person p LEFT JOIN user_account u ON u.person_id = p.id
    WHERE p.erased_at IS NULL AND p.created_at < :before
        AND NOT EXISTS (SELECT FROM membership m WHERE m.person_id = p.id
            AND (m.valid_to IS NULL OR m.valid_to > CAST(:before AS timestamptz)::date))
        AND NOT EXISTS (SELECT FROM union_membership m WHERE m.person_id = p.id
            AND (m.valid_to IS NULL OR m.valid_to > CAST(:before AS timestamptz)::date))
        AND NOT EXISTS (SELECT FROM shop_order o WHERE o.person_id = p.id AND o.placed_at >= :before)
        AND NOT EXISTS (SELECT FROM sign_in_session s WHERE s.user_id = u.id AND s.created_at >= :before)
        AND NOT EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id AND g.role NOT IN ('employee', 'outside_buyer')
            AND (g.valid_to IS NULL OR g.valid_to > CAST(:before AS timestamptz)::date))
    LIMIT :most
), closed AS (
    UPDATE user_account u
    SET state = 'closed', email = 'closed:' || u.id, email_verified_at = NULL, password_hash = NULL
    FROM gone g WHERE u.person_id = g.id
)
UPDATE person p SET name = NULL, phone = NULL, phone_verified_at = NULL, erased_at = :now
FROM gone g WHERE p.id = g.id
"""),
    "bank_transfer": text("""
UPDATE bank_transfer SET payer_name = '', payer_account_digest = NULL, payer_account_last4 = NULL, remark = ''
WHERE id IN (SELECT id FROM bank_transfer WHERE imported_at < :before
    AND (payer_name <> '' OR remark <> '' OR payer_account_digest IS NOT NULL) LIMIT :most)
"""),
    "payer_share": text("""
UPDATE payer_share SET payer_name = '', invoice_title = '', tax_number = NULL
WHERE id IN (SELECT id FROM payer_share WHERE payer_kind = 'person' AND created_at < :before
    AND (payer_name <> '' OR invoice_title <> '') LIMIT :most)
"""),
    # Invoices to people; those of units name no person.
    "invoice": text("""
WITH old AS (
    SELECT r.id FROM invoice_request r WHERE r.unit_id IS NULL AND r.requested_at < :before AND r.title <> ''
    LIMIT :most
), invoices AS (
    UPDATE invoice i SET buyer_title = '', buyer_tax_number = NULL FROM old o WHERE i.request_id = o.id
)
UPDATE invoice_request r SET title = '', tax_number = NULL FROM old o WHERE r.id = o.id
"""),
    "canteen_contact": text("""
UPDATE canteen_contract SET contact_name = '', contact_phone = '', street = ''
WHERE id IN (SELECT id FROM canteen_contract WHERE valid_to < CAST(:before AS timestamptz)::date
    AND contact_name <> '' LIMIT :most)
"""),
    "driver": text("""
WITH vans AS (
    UPDATE dispatch SET truck_driver = NULL, truck_plate = ''
    WHERE parcel_id IN (SELECT parcel_id FROM dispatch WHERE sent_at < :before
        AND (truck_driver IS NOT NULL OR truck_plate <> '') LIMIT :most) RETURNING 1
), came AS (
    UPDATE acceptance SET truck_driver = NULL, truck_plate = NULL
    WHERE id IN (SELECT id FROM acceptance WHERE recorded_at < :before
        AND (truck_driver IS NOT NULL OR truck_plate IS NOT NULL) LIMIT :most) RETURNING 1
)
SELECT 1 FROM vans UNION ALL SELECT 1 FROM came
"""),
    # Numbers of people who left; a present member's stays.
    "roster": text("""
WITH left_long_ago AS (
    SELECT n.union_id, n.number FROM staff_number n WHERE NOT EXISTS (
        SELECT FROM union_membership m WHERE m.person_id = n.person_id
            AND (m.valid_to IS NULL OR m.valid_to > CAST(:before AS timestamptz)::date)) LIMIT :most
), numbers AS (
    DELETE FROM staff_number n USING left_long_ago l WHERE (n.union_id, n.number) = (l.union_id, l.number) RETURNING 1
), entries AS (
    UPDATE roster_entry SET staff_number = '#' || position WHERE (roster_id, person_id) IN (
        SELECT e.roster_id, e.person_id FROM roster_entry e JOIN roster r ON r.id = e.roster_id
        WHERE e.staff_number <> '#' || e.position AND r.created_at < :before AND EXISTS (
            SELECT FROM roster n WHERE n.previous_id = r.id AND n.created_at < :before) LIMIT :most) RETURNING 1
), claims AS (
    UPDATE membership_claim SET staff_number = '#' || position WHERE id IN (
        SELECT c.id FROM membership_claim c WHERE c.staff_number <> '#' || c.position AND c.decided_at < :before
        LIMIT :most) RETURNING 1
)
SELECT 1 FROM numbers UNION ALL SELECT 1 FROM entries UNION ALL SELECT 1 FROM claims
"""),
    "message": text("""
UPDATE message SET address = NULL, facts = NULL, erased_at = :now
WHERE id IN (SELECT id FROM message WHERE erased_at IS NULL AND ended_at < :before LIMIT :most)
"""),
    "sign_in": text("""
DELETE FROM sign_in_session WHERE id IN (SELECT id FROM sign_in_session WHERE expires_at < :before LIMIT :most)
"""),
}
