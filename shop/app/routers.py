"""Every router of the shop by name."""

from typing import Final

from fastapi import APIRouter

import catalog.county.api
import catalog.listing.api
import catalog.listing.pages
import catalog.listing.producer_api
import catalog.product.api
import catalog.review.api
import catalog.review.pages
import catalog.upload.api
import catalog.upload.product_pages
import catalog.upload.roster_api
import catalog.upload.roster_pages
import orders.acceptance.refund_api
import orders.aftersales.api
import orders.aftersales.pages
import orders.allowance.api
import orders.audit.api
import orders.audit.pages
import orders.audit.question_pages
import orders.audit.questions_api
import orders.balance.api
import orders.balance.pages
import orders.banking.api
import orders.banking.pages
import orders.banking.statement.layout_api
import orders.banking.statement_api
import orders.banking.statement_pages
import orders.banking.undo.api
import orders.banking.undo.pages
import orders.budget.api
import orders.bulk.choice.api
import orders.bulk.choice.pages
import orders.bulk.desk.api
import orders.bulk.desk.grant_api
import orders.bulk.desk.order_api
import orders.bulk.desk.pages
import orders.bulk.desk.step_pages
import orders.bulk.receiving.pages
import orders.bulk.recipients.api
import orders.bulk.recipients.pages
import orders.canteen.api
import orders.canteen.delivery_pages
import orders.canteen.pages
import orders.checkout.api
import orders.checkout.cart_api
import orders.checkout.cart_pages
import orders.checkout.pages
import orders.checkout.pay_api
import orders.correction.api
import orders.correction.pages
import orders.credit.api
import orders.evidence.api
import orders.explanation.api
import orders.explanation.pages
import orders.filing.api
import orders.filing.pages
import orders.intake.api
import orders.intake.pages
import orders.integrity.api
import orders.integrity.pages
import orders.invoice.api
import orders.invoice.pages
import orders.order.api
import orders.order.pages
import orders.payment.api
import orders.payment_desk.api
import orders.payment_desk.pages
import orders.period.api
import orders.period.pages
import orders.privacy.api
import orders.privacy.pages
import orders.report.api
import orders.report.pages
import orders.report.people_api
import orders.report.people_pages
import orders.report.verify_pages
import orders.roll.api
import orders.roll.archive_api
import orders.roll.archive_pages
import orders.roll.pages
import orders.seal.api
import orders.spending.api
import orders.spending.pages
import shop.access.account.api
import shop.access.account.link_pages
import shop.access.account.pages
import shop.access.phone.api
import shop.access.session.api
import shop.access.session.pages
import shop.app.admin.counties_api
import shop.app.admin.county_pages
import shop.app.admin.message_pages
import shop.app.admin.pages
import shop.app.admin.people_api
import shop.app.admin.rules_api
import shop.app.home.api
import shop.app.home.health
import shop.app.home.me_pages
import shop.app.home.pages
import shop.app.home.staff_pages
import shop.organisation.address_api
import shop.organisation.address_pages
import shop.organisation.claim_api
import shop.organisation.claim_pages
import shop.organisation.pages
import shop.organisation.phone.api
import shop.organisation.phone.pages

# Routers are tried in turn: what is asked most, and must be quick, stands first.
ROUTERS: Final[tuple[APIRouter, ...]] = (
    orders.checkout.api.routes,
    shop.app.home.health.routes,
    shop.app.home.pages.routes,
    shop.app.home.staff_pages.routes,
    shop.app.home.me_pages.routes,
    shop.app.home.api.routes,
    shop.access.session.api.routes,
    shop.access.session.pages.routes,
    shop.access.account.api.routes,
    shop.access.account.pages.routes,
    shop.access.account.link_pages.routes,
    shop.access.phone.api.routes,
    shop.organisation.pages.routes,
    shop.organisation.address_api.routes,
    shop.organisation.address_pages.routes,
    shop.organisation.phone.api.routes,
    shop.organisation.phone.pages.routes,
    shop.organisation.claim_api.routes,
    shop.organisation.claim_pages.routes,
    catalog.county.api.routes,
    catalog.listing.producer_api.routes,
    catalog.product.api.routes,
    catalog.review.api.routes,
    catalog.review.pages.routes,
    catalog.upload.api.routes,
    catalog.upload.product_pages.routes,
    catalog.upload.roster_api.routes,
    catalog.upload.roster_pages.routes,
    catalog.listing.api.routes,
    catalog.listing.pages.routes,
    orders.checkout.cart_api.routes,
    orders.checkout.cart_pages.routes,
    orders.checkout.pages.routes,
    orders.checkout.pay_api.routes,
    orders.bulk.desk.api.routes,
    orders.bulk.receiving.pages.routes,
    orders.bulk.desk.pages.routes,
    orders.bulk.desk.step_pages.routes,
    orders.bulk.desk.order_api.routes,
    orders.bulk.choice.api.routes,
    orders.bulk.choice.pages.routes,
    orders.bulk.recipients.api.routes,
    orders.bulk.recipients.pages.routes,
    orders.order.api.routes,
    orders.order.pages.routes,
    orders.acceptance.refund_api.routes,
    orders.aftersales.api.routes,
    orders.aftersales.pages.routes,
    orders.payment.api.routes,
    orders.payment_desk.api.routes,
    orders.payment_desk.pages.routes,
    orders.budget.api.routes,
    orders.allowance.api.routes,
    orders.bulk.desk.grant_api.routes,
    orders.evidence.api.routes,
    orders.balance.api.routes,
    orders.balance.pages.routes,
    orders.banking.statement_api.routes,
    orders.banking.api.routes,
    orders.banking.statement.layout_api.routes,
    orders.banking.statement_pages.routes,
    orders.banking.undo.api.routes,
    orders.banking.undo.pages.routes,
    orders.banking.pages.routes,
    orders.intake.api.routes,
    orders.intake.pages.routes,
    orders.integrity.api.routes,
    orders.integrity.pages.routes,
    orders.invoice.api.routes,
    orders.invoice.pages.routes,
    orders.roll.archive_api.routes,
    orders.roll.archive_pages.routes,
    orders.canteen.api.routes,
    orders.canteen.pages.routes,
    orders.canteen.delivery_pages.routes,
    orders.credit.api.routes,
    orders.explanation.api.routes,
    orders.explanation.pages.routes,
    orders.correction.api.routes,
    orders.correction.pages.routes,
    orders.period.api.routes,
    orders.period.pages.routes,
    orders.report.api.routes,
    orders.report.pages.routes,
    orders.report.people_api.routes,
    orders.report.people_pages.routes,
    orders.report.verify_pages.routes,
    orders.roll.api.routes,
    orders.roll.pages.routes,
    orders.spending.api.routes,
    shop.app.admin.rules_api.routes,
    shop.app.admin.people_api.routes,
    shop.app.admin.counties_api.routes,
    shop.app.admin.county_pages.routes,
    shop.app.admin.message_pages.routes,
    shop.app.admin.pages.routes,
    orders.spending.pages.routes,
    orders.seal.api.routes,
    orders.filing.api.routes,
    orders.filing.pages.routes,
    orders.privacy.api.routes,
    orders.privacy.pages.routes,
    orders.audit.api.routes,
    orders.audit.questions_api.routes,
    orders.audit.question_pages.routes,
    orders.audit.pages.routes,
)
